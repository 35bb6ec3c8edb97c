"""RMS norm: every vector gets the same length, and keeps its direction."""

import torch
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Divides each vector by the root of its mean square, then scales it."""

    def __init__(self, dim: int, eps: float = 1e-5):
        """Begin with a scale of one.

        weight  (dim,)  a parameter, ones: the scale of each entry
        eps     float   added to the mean square
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Normalise along the last axis.

        x   (..., dim)
        ->  (..., dim)  of the type of x; half types are computed in float32

        Source: Zhang and Sennrich 2019.
        """
        raise NotImplementedError
