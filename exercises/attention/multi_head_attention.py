"""Multi-head attention: several looks at once, each in a part of the channels."""

from torch import Tensor, nn

from ..attention.scaled_dot_product import scaled_dot_product


class MultiHeadAttention(nn.Module):
    """Several heads side by side, and a projection that mixes what they found."""

    def __init__(self, d_model: int, n_heads: int, qkv_bias: bool = True, dropout: float = 0.0):
        """Make the four projections; head h owns rows h * d_head to (h + 1) * d_head of q, k and v.

        q.weight, k.weight, v.weight, o.weight  (d_model, d_model)  parameters
        q.bias, k.bias, v.bias                  (d_model,)          parameters, if qkv_bias
        o.bias                                  (d_model,)          a parameter
        dropout                                 float  the share of weights dropped in training

        Raises ValueError if n_heads does not divide d_model.
        """
        raise NotImplementedError

    def forward(
        self,
        x_q: Tensor,
        x_k: Tensor | None = None,
        x_v: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Let the positions of x_q look at those of x_k, and take what x_v has there.

        x_q   (..., Tq, d_model)
        x_k   (..., Tk, d_model)  by default x_q
        x_v   (..., Tk, d_model)  by default x_k
        mask  bool                broadcastable to (..., H, Tq, Tk); True where looking is allowed
        ->    (..., Tq, d_model)
        """
        raise NotImplementedError
