"""Sliding windows: inputs, and targets one step ahead."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def sliding_windows(
    ids: Sequence[int] | Tensor | np.ndarray, context: int, stride: int
) -> tuple[Tensor, Tensor]:
    """Cut ids into windows, and pair each with the window one step later.

    ids      (L,)                  token ids, of any integer type
    context  int                   the length of a window
    stride   int                   the way from one window to the next
    ->       (N, context), twice   inputs and targets, int64

    Raises ValueError if context or stride is below 1.
    """
    raise NotImplementedError
