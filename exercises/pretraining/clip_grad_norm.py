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
    raise NotImplementedError
