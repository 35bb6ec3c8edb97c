"""Grouped-query attention: several heads that ask share one that answers."""

from torch import Tensor, nn

from ..attention.scaled_dot_product import scaled_dot_product


def grouped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Let H heads of queries look at G heads of keys and values: head h at h // (H / G).

    q     (..., H, Tq, d_head)
    k, v  (..., G, Tk, d_head)
    mask  bool  broadcastable to (..., H, Tq, Tk); True where looking is allowed
    ->    (..., H, Tq, d_head)

    Raises ValueError if G does not divide H.
    Source: Ainslie et al. 2023.
    """
    H, G = q.shape[-3], k.shape[-3]
    if G < 1 or H % G:
        raise ValueError(f"the heads of k must divide the {H} of q, got {G}")

    def grouped(x: Tensor) -> Tensor:  # (..., H, Tq, n) to (..., G, H / G * Tq, n)
        return x.unflatten(-3, (G, H // G)).flatten(-3, -2)

    if mask is not None:
        mask = grouped(mask.expand(*q.shape[:-1], k.shape[-2]))
    return scaled_dot_product(grouped(q), k, v, mask).view(*q.shape[:-1], v.shape[-1])


class GroupedQueryAttention(nn.Module):
    """Multi-head attention in which groups of query heads share their keys and values."""

    def __init__(self, d_model: int, n_heads: int, n_kv_heads: int, bias: bool = False):
        """Make the four projections; d_head is d_model / n_heads.

        q.weight, o.weight  (d_model, d_model)              parameters
        k.weight, v.weight  (n_kv_heads * d_head, d_model)  parameters
        q.bias, k.bias, v.bias, o.bias                      parameters, if bias

        Raises ValueError if n_heads does not divide d_model, or n_kv_heads n_heads.
        """
        super().__init__()
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"n_heads must divide d_model={d_model}, got {n_heads}")
        if n_kv_heads < 1 or n_heads % n_kv_heads:
            raise ValueError(f"n_kv_heads must divide n_heads={n_heads}, got {n_kv_heads}")
        self.d_head = d_model // n_heads
        self.q = nn.Linear(d_model, d_model, bias)
        self.k = nn.Linear(d_model, n_kv_heads * self.d_head, bias)
        self.v = nn.Linear(d_model, n_kv_heads * self.d_head, bias)
        self.o = nn.Linear(d_model, d_model, bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the positions of x look at one another.

        x     (..., T, d_model)
        mask  bool  broadcastable to (..., H, T, T); True where looking is allowed
        ->    (..., T, d_model)
        """
        q, k, v = (self._split(project(x)) for project in (self.q, self.k, self.v))
        heads = grouped_attention(q, k, v, mask)
        return self.o(heads.transpose(-3, -2).flatten(-2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)  # (..., heads, T, d_head)


def cache_bytes(n_layers: int, n_kv_heads: int, d_head: int, width: int = 2) -> int:
    """Count the bytes that a model keeps for each token it has read: its keys and its values.

    width  bytes of a number; 2 is a half type
    """
    return 2 * n_layers * n_kv_heads * d_head * width
