"""What the training loop is judged with: an optimiser and a loader that note what happens."""

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from tests.models import bigram
from tests.tensors import chance, ids

V = 5


class Descent(torch.optim.Optimizer):
    """Gradient descent, which notes the rates and the gradients that each step finds."""

    def __init__(self, *groups, lr=0.5):
        super().__init__([{"params": list(group)} for group in groups], {"lr": lr})
        self.rates, self.gradients = [], []

    @torch.no_grad()
    def step(self, closure=None):
        self.rates.append([group["lr"] for group in self.param_groups])
        pairs = [(p, group["lr"]) for group in self.param_groups for p in group["params"]]
        found = [p.new_zeros(p.shape) if p.grad is None else p.grad for p, _ in pairs]
        self.gradients.append(parameters_to_vector(found))
        for (p, lr), gradient in zip(pairs, found, strict=True):
            p -= lr * gradient


class Loader:
    """Gives other batches in each pass: windows of 1, 2 and so on ids, `size` batches a pass.

    How often the model had been asked when each was taken is in `asked`.
    """

    def __init__(self, size, model=None):
        self.size, self.model, self.given, self.passes, self.asked = size, model, 0, 0, []

    def __iter__(self):
        self.passes += 1
        if self.passes > 100:
            raise RuntimeError("the loader began anew 100 times, and had no batch")
        for _ in range(self.size):
            self.given += 1
            self.asked.append(len(self.model.seen))
            yield batch(self.given, 1, self.given)


def batch(seed, B=2, T=3):
    return ids(seed, B, T, n=V), ids(seed + 1, B, T, n=V)


def two_groups(seed, lr=0.5):
    """Make a model of three parameters, and an optimiser that has them in two groups."""
    with chance(seed):
        model = nn.Sequential(nn.Embedding(V, 3), nn.Linear(3, V)).double()
    return model, Descent(model[0].parameters(), model[1].parameters(), lr=lr)


def one_table(seed, dropout=0.0, lr=0.5):
    model = bigram(V, seed, dropout)
    return model, Descent(model.parameters(), lr=lr)
