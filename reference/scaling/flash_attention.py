"""Flash attention: a block of scores at a time, so that no table of T x T ever stands in memory."""

from math import sqrt

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Partial = tuple[Tensor, Tensor, Tensor]


def online_softmax_merge(
    m1: Tensor, l1: Tensor, o1: Tensor, m2: Tensor, l2: Tensor, o2: Tensor
) -> Partial:
    """Put together what two blocks of keys say to the same queries.

    m1, m2  (...)     the highest score in each block, -inf if it has none
    l1, l2  (...)     the sum of exp(score - m)
    o1, o2  (..., d)  the sum of exp(score - m) * value
    ->      the three of both blocks together

    Source: Milakov and Gimelshein 2018.
    """
    m = torch.maximum(m1, m2)
    shift = m.masked_fill(m == float("-inf"), 0.0)  # -inf - -inf would be nan
    a1, a2 = (m1 - shift).exp(), (m2 - shift).exp()
    return m, l1 * a1 + l2 * a2, o1 * a1[..., None] + o2 * a2[..., None]


def flash_attention(
    q: Tensor, k: Tensor, v: Tensor, block_q: int = 128, block_k: int = 128, causal: bool = False
) -> tuple[Tensor, Tensor]:
    """Average values as scaled dot-product attention does, block by block.

    q        (..., Tq, d)
    k        (..., Tk, d)
    v        (..., Tk, dv)
    block_q  int            queries in a block
    block_k  int            keys in a block
    causal   bool           whether queries look back only; the last query stands at the last key
    ->       (..., Tq, dv)  zeros for a query that may see no key
             (..., Tq)      log of the sum of exp(score) of each query, there -inf; for q in
                            float16 or bfloat16 in float32, which is what all is worked out in

    Raises ValueError if a block is below 1.
    Source: Dao et al. 2022, Dao 2023.
    """
    for name, size in (("block_q", block_q), ("block_k", block_k)):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    wide = torch.promote_types(q.dtype, torch.float32)
    o, lse = _Flash.apply(q.to(wide), k.to(wide), v.to(wide), block_q, block_k, causal)
    return o.to(q.dtype), lse


def _forward(ctx, q, k, v, block_q, block_k, causal):
    o = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=q.dtype, device=q.device)
    lse = torch.full(q.shape[:-1], float("-inf"), dtype=q.dtype, device=q.device)
    for rows in _blocks(q.shape[-2], block_q):
        m, total, acc = lse[..., rows], torch.zeros_like(lse[..., rows]), o[..., rows, :]
        for keys, scores in _scores(q, k, rows, block_k, causal):
            top = scores.amax(-1)
            p = (scores - top.masked_fill(top == float("-inf"), 0.0)[..., None]).exp()
            found = top, p.sum(-1), p @ v[..., keys, :]
            m, total, acc = online_softmax_merge(m, total, acc, *found)
        o[..., rows, :] = acc / total.masked_fill(total == 0, 1.0)[..., None]
        lse[..., rows] = m + total.log()
    ctx.save_for_backward(q, k, v, o, lse)
    ctx.sizes = block_q, block_k, causal
    return o, lse


@once_differentiable
def _backward(ctx, d_o, d_lse):
    q, k, v, o, lse = ctx.saved_tensors
    block_q, block_k, causal = ctx.sizes
    dq, dk, dv = (torch.zeros_like(x) for x in (q, k, v))
    lean = d_lse - (d_o * o).sum(-1)  # what every score of a row gets alike
    shift = lse.masked_fill(lse == float("-inf"), 0.0)
    for rows in _blocks(q.shape[-2], block_q):
        for keys, scores in _scores(q, k, rows, block_k, causal):
            p = (scores - shift[..., rows, None]).exp()
            d_p = d_o[..., rows, :] @ v[..., keys, :].mT
            d_scores = p * (d_p + lean[..., rows, None]) / sqrt(q.shape[-1])
            dq[..., rows, :] += d_scores @ k[..., keys, :]
            dk[..., keys, :] += d_scores.mT @ q[..., rows, :]
            dv[..., keys, :] += p.mT @ d_o[..., rows, :]
    return dq, dk, dv, None, None, None


class _Flash(torch.autograd.Function):
    """Keeps output and logarithms alone, and works the scores out again on the way back."""

    forward, backward = staticmethod(_forward), staticmethod(_backward)


def _blocks(T: int, size: int):
    return (slice(start, min(start + size, T)) for start in range(0, T, size))


def _scores(q: Tensor, k: Tensor, rows: slice, block_k: int, causal: bool):
    """Give the scores of some queries with each block of keys that one of them may see."""
    Tk, ahead = k.shape[-2], k.shape[-2] - q.shape[-2]
    for keys in _blocks(min(Tk, rows.stop + ahead) if causal else Tk, block_k):
        scores = q[..., rows, :] / sqrt(q.shape[-1]) @ k[..., keys, :].mT
        if causal and keys.stop - 1 > rows.start + ahead:
            i = torch.arange(rows.start, rows.stop, device=q.device)[:, None] + ahead
            hidden = torch.arange(keys.start, keys.stop, device=q.device) > i
            scores = scores.masked_fill(hidden, float("-inf"))
        yield keys, scores
