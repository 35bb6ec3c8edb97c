"""Masks: who may look at whom. True is allowed."""

from functools import reduce

import torch
from torch import Tensor


def causal_mask(t_q: int, t_k: int | None = None) -> Tensor:
    """Let each query see itself and the past.

    t_q, t_k  int         how many queries and keys; the last query stands at the last key
    ->        (t_q, t_k)  bool; square if t_k is not given
    """
    raise NotImplementedError


def padding_mask(lengths: Tensor, t: int) -> Tensor:
    """Hide the keys behind the end of each sequence.

    lengths  (B,)          how many of the t keys are real
    ->       (B, 1, 1, t)  bool
    """
    raise NotImplementedError


def sliding_window_mask(t: int, window: int) -> Tensor:
    """Let each query see the last `window` positions, itself included.

    ->  (t, t)  bool

    Raises ValueError if window is below 1.
    """
    raise NotImplementedError


def combine(*masks: Tensor | None) -> Tensor | None:
    """Allow what every mask allows; None allows everything.

    masks  broadcastable to one shape
    ->     bool, of that shape; None if there is no mask at all
    """
    raise NotImplementedError
