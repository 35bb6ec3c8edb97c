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
    _check(temperature, top_k, top_p)
    V = logits.shape[-1]
    top_k = 1 if temperature == 0 else top_k
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    ranked, order = wide.sort(dim=-1, descending=True, stable=True)
    finite = torch.finfo(wide.dtype)  # in float32, 1e-300 would be 0, and 0 / 0 nan
    temperature = min(max(temperature, finite.tiny), finite.max)
    ranked = (ranked - ranked[..., :1]) / temperature  # first the shift: 0 / T is 0
    if top_k is not None and top_k < V:
        ranked = ranked.masked_fill(torch.arange(V, device=logits.device) >= top_k, float("-inf"))
    if top_p is not None and top_p < 1:
        reached = softmax(ranked).cumsum(-1) >= top_p
        ranked = ranked.masked_fill(F.pad(reached, (1, -1)), float("-inf"))  # reached before it
    probs = softmax(ranked)
    return torch.zeros_like(probs).scatter(-1, order, probs).to(logits.dtype)


def sample(probs: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an id from each row of probabilities.

    probs      (..., V)
    generator            where all randomness comes from
    ->         (...)     int64
    """
    rows = probs.reshape(-1, probs.shape[-1])
    return torch.multinomial(rows, 1, generator=generator).view(probs.shape[:-1])


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if temperature < 0:
        raise ValueError(f"temperature must be at least 0, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    if top_p is not None and not 0 <= top_p <= 1:
        raise ValueError(f"top_p must be from 0 to 1, got {top_p}")
