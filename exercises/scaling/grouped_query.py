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
    raise NotImplementedError


class GroupedQueryAttention(nn.Module):
    """Multi-head attention in which groups of query heads share their keys and values."""

    def __init__(self, d_model: int, n_heads: int, n_kv_heads: int, bias: bool = False):
        """Make the four projections; d_head is d_model / n_heads.

        q.weight, o.weight  (d_model, d_model)              parameters
        k.weight, v.weight  (n_kv_heads * d_head, d_model)  parameters
        q.bias, k.bias, v.bias, o.bias                      parameters, if bias

        Raises ValueError if n_heads does not divide d_model, or n_kv_heads n_heads.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the positions of x look at one another.

        x     (..., T, d_model)
        mask  bool  broadcastable to (..., H, T, T); True where looking is allowed
        ->    (..., T, d_model)
        """
        raise NotImplementedError


def cache_bytes(n_layers: int, n_kv_heads: int, d_head: int, width: int = 2) -> int:
    """Count the bytes that a model keeps for each token it has read: its keys and its values.

    width  bytes of a number; 2 is a half type
    """
    raise NotImplementedError
