"""Sampling: which tokens may come next, how likely each is, and a draw among them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..attention.softmax import softmax


def next_token_probs(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Turn scores into the probabilities with which the next token is drawn.

    logits       (..., V)
    temperature  float     the scores are divided by it; 0 leaves the best token alone
    top_k        int       then only the k most likely tokens stay
    top_p        float     of these, the fewest whose probabilities, added up from the highest on,
                           reach top_p; at least one
    ->           (..., V)  what stays adds up to 1, the rest is 0; of equal scores the lower id wins

    Raises ValueError if temperature is below 0, top_k below 1, or top_p not from 0 to 1.
    Source: Holtzman et al. 2020 (top-p), Fan et al. 2018 (top-k).
    """
    raise NotImplementedError


def sample(probs: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an id from each row of probabilities.

    probs      (..., V)
    generator            where all randomness comes from
    ->         (...)     int64
    """
    raise NotImplementedError
