"""Residual sub-layer: what a layer finds is added to what was there."""

from collections.abc import Callable

from torch import Tensor, nn

from ..layers.dropout import Dropout
from ..layers.layer_norm import LayerNorm


class Residual(nn.Module):
    """A layer with a way around it, and a norm before it or after the sum."""

    def __init__(
        self, d_model: int, fn: Callable[..., Tensor], *, pre_norm: bool, dropout: float = 0.0
    ):
        """Put a norm, a dropout and a way around a layer.

        fn                      a layer: takes (..., d_model) and gives (..., d_model)
        norm.weight, norm.bias  (d_model,)  parameters of a layer norm; fn keeps its own, as fn.*
        pre_norm                bool   norm what enters fn; otherwise norm the sum
        dropout                 float  the share of what fn gives that is dropped in training
        """
        raise NotImplementedError

    def forward(self, x: Tensor, *args, **kwargs) -> Tensor:
        """Add what fn makes of x to x.

        x             (..., d_model)
        args, kwargs                  go on to fn, after x
        ->            (..., d_model)
        """
        raise NotImplementedError
