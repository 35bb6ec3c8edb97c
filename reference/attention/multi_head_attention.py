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
        super().__init__()
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"n_heads must divide d_model={d_model}, got {n_heads}")
        self.q = nn.Linear(d_model, d_model, qkv_bias)
        self.k = nn.Linear(d_model, d_model, qkv_bias)
        self.v = nn.Linear(d_model, d_model, qkv_bias)
        self.o = nn.Linear(d_model, d_model)
        self.n_heads, self.dropout = n_heads, dropout

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
        x_k = x_q if x_k is None else x_k
        x_v = x_k if x_v is None else x_v
        q, k, v = self._split(self.q(x_q)), self._split(self.k(x_k)), self._split(self.v(x_v))
        dropout = self.dropout if self.training else 0.0
        heads = scaled_dot_product(q, k, v, mask, dropout=dropout)  # (..., H, Tq, d_head)
        return self.o(heads.transpose(-3, -2).flatten(-2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)  # (..., H, T, d_head)
