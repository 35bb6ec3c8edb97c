"""Clipping: no step is led astray by one large gradient."""

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, eps: float = 1e-6) -> float:
    """Shorten all gradients by one factor, if together they are longer than max_norm.

    parameters  those without a gradient are passed over; gradients change in place
    max_norm    float  how long the gradients may be, taken as one vector
    eps         float  added to the length before it divides
    ->          the length before

    Raises ValueError if max_norm is not above 0.
    Source: Pascanu, Mikolov and Bengio 2013.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0, got {max_norm}")
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = [torch.linalg.vector_norm(g, dtype=torch.float64) for g in gradients]
    norm = float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / (norm + eps))
    return norm
