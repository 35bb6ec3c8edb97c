"""Dropout: in training, some entries are left out at random."""

import torch
from torch import Tensor, nn


def dropout(
    x: Tensor, p: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    """Set each entry to zero with probability p, and make up for it in the others.

    x          (...)
    p          float  the probability that an entry is dropped
    training   bool   otherwise nothing is dropped
    generator         the source of all that is random; by default torch's own
    ->         (...)

    Raises ValueError if p is below 0 or above 1.
    Source: Srivastava et al. 2014.
    """
    raise NotImplementedError


class Dropout(nn.Module):
    """Dropout that follows the mode of the model it is in."""

    def __init__(self, p: float = 0.5):
        """Keep the probability. Raises ValueError if it is below 0 or above 1."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Drop entries in training, and none in evaluation.

        x   (...)
        ->  (...)
        """
        raise NotImplementedError
