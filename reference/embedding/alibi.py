"""ALiBi: attention with linear biases, a penalty for distance."""

import torch
from torch import Tensor


def alibi_slopes(n_heads: int) -> Tensor:
    """Give each head the rate at which it forgets.

    ->  (n_heads,)  float32

    Raises ValueError if n_heads is below 1.
    Source: Press, Smith and Lewis 2022.
    """
    if n_heads < 1:
        raise ValueError(f"n_heads must be at least 1, got {n_heads}")
    power = 1 << (n_heads.bit_length() - 1)  # the largest power of two up to n_heads
    whole = [2 ** (-8 * k / power) for k in range(1, power + 1)]
    between = [2 ** (-4 * k / power) for k in range(1, 2 * power, 2)]
    return torch.tensor((whole + between)[:n_heads])


def alibi_bias(n_heads: int, t_q: int, t_k: int) -> Tensor:
    """Tabulate what is added to the scores: the slope times how far the key lies ahead.

    t_q, t_k  int                  how many queries and keys; the last query stands at the last key
    ->        (n_heads, t_q, t_k)  float32
    """
    i = torch.arange(t_k - t_q, t_k)
    j = torch.arange(t_k)
    return alibi_slopes(n_heads)[:, None, None] * (j - i[:, None])
