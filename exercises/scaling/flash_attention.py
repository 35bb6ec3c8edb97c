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
    raise NotImplementedError


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
    raise NotImplementedError
