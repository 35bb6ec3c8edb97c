"""Layer norm: every position by itself gets mean 0 and variance 1."""

import torch
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Normalises each vector by its own mean and variance, then scales and shifts it."""

    def __init__(self, dim: int, eps: float = 1e-5):
        """Begin with a scale of one and a shift of zero.

        weight  (dim,)  a parameter, ones: the scale of each entry
        bias    (dim,)  a parameter, zeros: the shift of each entry
        eps     float   added to the variance
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Normalise along the last axis.

        x   (..., dim)
        ->  (..., dim)  of the type of x; half types are computed in float32

        Source: Ba, Kiros and Hinton 2016.
        """
        raise NotImplementedError
