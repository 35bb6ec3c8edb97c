"""Weights, layers of them, and what they are when each row is rounded to steps of its own."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from tests.tensors import distinct, seeds, tensor

kinds = st.sampled_from(["normal", "integers", "equal", "one_hot", "large"])
HALF = (torch.float16, torch.bfloat16)
FLOATS = (*HALF, torch.float32, torch.float64)


def drawn(test):
    """Draw a seed, the sizes out and in, and a kind of numbers."""
    test = example(seed=0, shape=(3, 5), kind="normal")(test)
    return given(seed=seeds, shape=distinct(2), kind=kinds)(test)


def matrix(seed, shape, kind="normal", dtype=torch.float64):
    """Make a weight whose rows are of very different size."""
    sizes = 10.0 ** (torch.arange(shape[0]) % 4 - 2)[:, None]
    return (tensor(seed, *shape, kind=kind) * sizes).to(dtype)


def layer(weight, bias=True):
    """Make a linear layer of this weight."""
    made = nn.Linear(*weight.T.shape, bias=bias, dtype=weight.dtype)
    state = {"weight": weight} | ({"bias": tensor(9, len(weight))} if bias else {})
    made.load_state_dict(state)
    return made


def rounded(weight):
    """Work out every row in Python's numbers, whose `round` takes halves to the even one."""
    steps = [max(map(abs, row)) / 127 or 1.0 for row in weight.tolist()]
    rows = zip(weight.tolist(), steps, strict=True)
    q = torch.tensor([[round(entry / step) for entry in row] for row, step in rows])
    return q.to(torch.int8), torch.tensor(steps, dtype=weight.dtype)[:, None]


def told_of(dtype):
    return str(dtype).removeprefix("torch.")
