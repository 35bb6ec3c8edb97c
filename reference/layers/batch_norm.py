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
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.register_buffer("running_mean", torch.zeros(dim))
        self.register_buffer("running_var", torch.ones(dim))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        self.eps, self.momentum = eps, momentum

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each column.

        x   (N, dim)
        ->  (N, dim)

        Raises ValueError in training if N is below 2.
        Source: Ioffe and Szegedy 2015.
        """
        if not self.training:
            return self._normalised(x - self.running_mean, self.running_var)
        if len(x) < 2:
            raise ValueError(f"training needs a batch of at least 2, got {len(x)}")
        mean = x.mean(0)
        variance = (x - mean).square().mean(0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * len(x) / (len(x) - 1), self.momentum)  # unbiased
            self.num_batches_tracked += 1
        return self._normalised(x - mean, variance)

    def _normalised(self, centred: Tensor, variance: Tensor) -> Tensor:
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias
