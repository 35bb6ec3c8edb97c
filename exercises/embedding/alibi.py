"""ALiBi: attention with linear biases, a penalty for distance."""

import torch
from torch import Tensor


def alibi_slopes(n_heads: int) -> Tensor:
    """Give each head the rate at which it forgets.

    ->  (n_heads,)  float32

    Raises ValueError if n_heads is below 1.
    Source: Press, Smith and Lewis 2022.
    """
    raise NotImplementedError


def alibi_bias(n_heads: int, t_q: int, t_k: int) -> Tensor:
    """Tabulate what is added to the scores: the slope times how far the key lies ahead.

    t_q, t_k  int                  how many queries and keys; the last query stands at the last key
    ->        (n_heads, t_q, t_k)  float32
    """
    raise NotImplementedError
