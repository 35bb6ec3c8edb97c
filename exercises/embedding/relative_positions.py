"""Relative positions: how far a key is from a query, up to a limit."""

import torch
from torch import Tensor


def relative_positions(t_q: int, t_k: int, max_distance: int) -> Tensor:
    """Number the way from each query to each key, as rows of a table of vectors.

    t_q, t_k      int         how many queries and keys; the last query stands at the last key
    max_distance  int         beyond it, all ways are one
    ->            (t_q, t_k)  int64, from 0 to 2 * max_distance; max_distance is no way at all
    """
    raise NotImplementedError
