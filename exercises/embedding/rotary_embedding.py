"""Rotary position embedding: a position is an angle."""

import torch
from torch import Tensor


def rotary_embedding(
    x: Tensor,
    positions: Tensor | None = None,
    base: float = 10000.0,
    layout: str = "interleaved",
) -> Tensor:
    """Turn each pair of entries by an angle that grows with the position.

    x          (..., T, d)  queries or keys
    positions  (..., T)     broadcastable to x without its last axis; by default 0 to T - 1
    layout     str          "interleaved": entries 2i and 2i + 1 are a pair; "half": i and i + d / 2
    ->         (..., T, d)

    Raises ValueError if d is odd, or the layout is neither of the two.
    Source: Su et al. 2021.
    """
    raise NotImplementedError
