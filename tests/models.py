"""Small language models of which a test knows every number: for generation and training."""

import torch
from torch import Tensor, nn

from tests.tensors import random


class Bigram(nn.Module):
    """Scores what comes next by the last id alone: row i of `table` is what it gives after id i.

    What it was asked is in `seen`: for each call the shape of the ids, the mode, and whether
    gradients were recorded.
    """

    def __init__(self, table: Tensor, dropout: float = 0.0):
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.drop = nn.Dropout(dropout)
        self.seen: list[tuple[tuple[int, ...], bool, bool]] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()} of {len(self.table)} ids"

    def forward(self, ids: Tensor) -> Tensor:
        self.seen.append((tuple(ids.shape), self.training, torch.is_grad_enabled()))
        return self.drop(self.table[ids])


class Averaging(Bigram):
    """Scores what comes next by the mean of the rows of all ids up to there."""

    def forward(self, ids: Tensor) -> Tensor:
        rows = super().forward(ids)
        lengths = torch.arange(1, ids.shape[-1] + 1, dtype=rows.dtype)
        return rows.cumsum(-2) / lengths[:, None]


def bigram(V: int, seed: int, dropout: float = 0.0) -> Bigram:
    """Make a model of random numbers in float64."""
    return Bigram(torch.randn(V, V, generator=random(seed), dtype=torch.float64), dropout)


def averaging(V: int, seed: int, dropout: float = 0.0) -> Averaging:
    """Make one that looks at all it is given."""
    return Averaging(torch.randn(V, V, generator=random(seed), dtype=torch.float64), dropout)


def counting(V: int) -> Bigram:
    """Make a model that is sure that i + 1 follows i, and 0 the last."""
    return Bigram(100 * torch.eye(V, dtype=torch.float64).roll(1, dims=1))
