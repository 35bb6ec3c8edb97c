"""One-hot vectors: an id as a row of zeros with a single one."""

import torch
from torch import Tensor


def one_hot(ids: Tensor, n: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Write each id as a vector that is 1 at the id and 0 elsewhere.

    ids  (...)     integers from 0 to n - 1
    ->   (..., n)  of type dtype

    Raises IndexError if an id is below 0 or not below n.
    """
    raise NotImplementedError
