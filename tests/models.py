"""Small language models of which a test knows every number: for generation and training."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tensors import random, tensor


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


class Remembering(Averaging):
    """Scores, of one row of ids, only those that it did not read before, and the last."""

    read: tuple[int, ...] = ()

    def forward(self, ids: Tensor) -> Tensor:
        row, known = tuple(ids[0].tolist()), 0
        while known < min(len(row) - 1, len(self.read)) and row[known] == self.read[known]:
            known += 1
        self.read = row
        return super().forward(ids)[:, known:]


def bigram(V: int, seed: int, dropout: float = 0.0) -> Bigram:
    """Make a model of random numbers in float64."""
    return Bigram(torch.randn(V, V, generator=random(seed), dtype=torch.float64), dropout)


def averaging(V: int, seed: int, dropout: float = 0.0) -> Averaging:
    """Make one that looks at all it is given."""
    return Averaging(torch.randn(V, V, generator=random(seed), dtype=torch.float64), dropout)


def counting(V: int) -> Bigram:
    """Make a model that is sure that i + 1 follows i, and 0 the last."""
    return Bigram(100 * torch.eye(V, dtype=torch.float64).roll(1, dims=1))


class Attention(nn.Module):
    def __init__(self, d: int, H: int, bias: bool):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(d, d, bias) for _ in range(3))
        self.o, self.H = nn.Linear(d, d), H

    def forward(self, x: Tensor) -> Tensor:
        made = (part(x).unflatten(-1, (self.H, -1)) for part in (self.q, self.k, self.v))
        heads = (part.transpose(-3, -2) for part in made)
        found = F.scaled_dot_product_attention(*heads, is_causal=True)
        return self.o(found.transpose(-3, -2).flatten(-2))


class Block(nn.Module):
    def __init__(self, d: int, H: int, bias: bool):
        super().__init__()
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(d, 0.1), Attention(d, H, bias), nn.RMSNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 3 * d), nn.Tanh(), nn.Linear(3 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class Table(nn.Module):
    """Rows that are added, and nothing that could be called."""

    def __init__(self, rows: int, d: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, d))


class SmallGPT(nn.Module):
    """A GPT with the parts that the page of the cache names, made of torch's own layers."""

    def __init__(self, bias=True, V=7, context=9, d=4, L=2, H=2):
        super().__init__()
        self.config = SimpleNamespace(context=context, d_model=d, n_heads=H)
        self.tok, self.pos = nn.Embedding(V, d), Table(context, d)
        self.blocks = nn.ModuleList(Block(d, H, bias) for _ in range(L))
        self.ln_f, self.head = nn.LayerNorm(d), nn.Linear(d, V, bias=False)
        with torch.no_grad():
            for i, p in enumerate(self.double().parameters()):
                p.copy_(tensor(i, *p.shape))

    def __repr__(self) -> str:
        return "small GPT"

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tok(ids) + self.pos.weight[: ids.shape[-1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))
