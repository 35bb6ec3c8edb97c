"""SwiGLU: a feed-forward network in which one half gates the other."""

import torch
from torch import Tensor, nn


def silu(x: Tensor) -> Tensor:
    """Multiply each entry by its logistic sigmoid.

    x   (...)
    ->  (...)
    """
    raise NotImplementedError


class SwiGLU(nn.Module):
    """Three linear layers: a gate, what goes through it, and the way back."""

    def __init__(self, d_model: int, d_ff: int | None = None):
        """Make the three layers, without biases.

        w1.weight  (d_ff, d_model)  a parameter: the gate
        w3.weight  (d_ff, d_model)  a parameter: what is gated
        w2.weight  (d_model, d_ff)  a parameter: the way back
        d_ff       int  by default 8 / 3 * d_model, rounded up to a multiple of 64
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Gate, and narrow again.

        x   (..., d_model)
        ->  (..., d_model)

        Source: Shazeer 2020.
        """
        raise NotImplementedError
