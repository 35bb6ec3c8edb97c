"""Self-attention: one head, in which what to look for is learned."""

from torch import Tensor, nn

from ..attention.scaled_dot_product import scaled_dot_product


class SelfAttention(nn.Module):
    """One head: each position asks, offers and answers by a matrix of its own."""

    def __init__(self, d_in: int, d_out: int, bias: bool = False):
        """Make the three projections.

        q.weight, k.weight, v.weight  (d_out, d_in)  parameters
        q.bias, k.bias, v.bias        (d_out,)       parameters, if bias
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Let every position look at every position.

        x   (..., T, d_in)
        ->  (..., T, d_out)
        """
        raise NotImplementedError
