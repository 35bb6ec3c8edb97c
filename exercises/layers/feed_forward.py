"""Position-wise feed-forward network: each position by itself, through a wider space."""

from collections.abc import Callable

from torch import Tensor, nn

from ..layers.dropout import Dropout
from ..layers.gelu import gelu


class FeedForward(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(
        self,
        d_model: int,
        d_ff: int | None = None,
        activation: Callable[[Tensor], Tensor] = gelu,
        dropout: float = 0.0,
    ):
        """Make the two layers.

        up.weight, up.bias      (d_ff, d_model), (d_ff,)     parameters
        down.weight, down.bias  (d_model, d_ff), (d_model,)  parameters
        d_ff                    int    how wide it is inside; by default 4 * d_model
        dropout                 float  the share of inner entries dropped in training
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Widen, activate, drop, and narrow again.

        x   (..., d_model)
        ->  (..., d_model)

        Source: Vaswani et al. 2017, section 3.3.
        """
        raise NotImplementedError
