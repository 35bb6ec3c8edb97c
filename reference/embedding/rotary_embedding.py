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
    T, d = x.shape[-2:]
    if d % 2:
        raise ValueError(f"the last axis must be even, got {d}")
    if layout not in ("interleaved", "half"):
        raise ValueError(f"layout must be 'interleaved' or 'half', got {layout!r}")
    if positions is None:
        positions = torch.arange(T, device=x.device)
    speeds = base ** -(torch.arange(0, d, 2, dtype=torch.float64, device=x.device) / d)
    angles = positions[..., None] * speeds  # (..., T, d / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    pairs = x.unflatten(-1, (-1, 2)) if layout == "interleaved" else x.unflatten(-1, (2, -1)).mT
    a, b = pairs.unbind(-1)
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return (turned if layout == "interleaved" else turned.mT).flatten(-2)
