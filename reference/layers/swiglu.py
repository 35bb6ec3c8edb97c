"""SwiGLU: a feed-forward network in which one half gates the other."""

import torch
from torch import Tensor, nn


def silu(x: Tensor) -> Tensor:
    """Multiply each entry by its logistic sigmoid.

    x   (...)
    ->  (...)
    """
    return x * torch.sigmoid(x)


class SwiGLU(nn.Module):
    """Three linear layers: a gate, what goes through it, and the way back."""

    def __init__(self, d_model: int, d_ff: int | None = None):
        """Make the three layers, without biases.

        w1.weight  (d_ff, d_model)  a parameter: the gate
        w3.weight  (d_ff, d_model)  a parameter: what is gated
        w2.weight  (d_model, d_ff)  a parameter: the way back
        d_ff       int  by default 8 / 3 * d_model, rounded up to a multiple of 64
        """
        super().__init__()
        d_ff = -(-8 * d_model // 192) * 64 if d_ff is None else d_ff
        self.w1 = nn.Linear(d_model, d_ff, bias=False)
        self.w3 = nn.Linear(d_model, d_ff, bias=False)
        self.w2 = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Gate, and narrow again.

        x   (..., d_model)
        ->  (..., d_model)

        Source: Shazeer 2020.
        """
        return self.w2(silu(self.w1(x)) * self.w3(x))
