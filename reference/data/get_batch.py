"""Random batches: windows from anywhere in a row of ids."""

import numpy as np
import torch
from torch import Tensor


def get_batch(
    ids: np.ndarray, batch_size: int, context: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw windows at random, each with its targets one step later.

    ids         (L,)                         token ids, in memory or in a mapped file
    batch_size  int                          how many windows
    context     int                          the length of a window
    generator                                where all randomness comes from
    ->          (batch_size, context), twice inputs and targets, int64

    Raises ValueError if there is no window, which is if L <= context.
    """
    possible = len(ids) - context
    if possible < 1:
        raise ValueError(f"ids must be more than context={context}, got {len(ids)}")
    starts = torch.randint(possible, (batch_size,), generator=generator)
    at = (starts[:, None] + torch.arange(context)).numpy()  # (batch_size, context)
    inputs, targets = ids[at].astype(np.int64), ids[at + 1].astype(np.int64)
    return torch.from_numpy(inputs), torch.from_numpy(targets)
