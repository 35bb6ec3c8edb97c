"""Batch norm: every channel gets mean 0 and variance 1 over the batch."""

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Normalises each channel: over the batch in training, by what it remembers afterwards."""

    def __init__(self, dim: int, eps: float = 1e-5, momentum: float = 0.1):
        """Begin with a scale of one, a shift of zero, and the statistics of unit noise.

        weight, bias               (dim,)  parameters, ones and zeros
        running_mean, running_var  (dim,)  buffers, zeros and ones
        num_batches_tracked        ()      a buffer, int64, zero
        momentum                   float   the share of a new batch in the statistics
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each column.

        x   (N, dim)
        ->  (N, dim)

        Raises ValueError in training if N is below 2.
        Source: Ioffe and Szegedy 2015.
        """
        raise NotImplementedError
