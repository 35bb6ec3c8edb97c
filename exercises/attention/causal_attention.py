"""Causal self-attention: one head that does not look ahead."""

from torch import Tensor, nn

from ..attention.masks import causal_mask
from ..attention.scaled_dot_product import scaled_dot_product


class CausalAttention(nn.Module):
    """One head, in which each position looks at itself and the past."""

    def __init__(self, d_in: int, d_out: int, bias: bool = False, dropout: float = 0.0):
        """Make the three projections.

        q.weight, k.weight, v.weight  (d_out, d_in)  parameters
        q.bias, k.bias, v.bias        (d_out,)       parameters, if bias
        dropout                       float          the share of weights dropped in training
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Let every position look at itself and at those before it.

        x   (..., T, d_in)
        ->  (..., T, d_out)
        """
        raise NotImplementedError
