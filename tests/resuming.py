"""What checkpoints are judged with: a training in parts, and a folder that is watched."""

import os
import sys
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F
from torch import nn

from tests.tensors import chance, random

V, C, PATH = 7, 4, Path("run.pt")
SEEN = []  # while a folder is watched, what was wrong with it


@contextmanager
def empty_folder():
    """Work in an empty folder, at a known place of torch's own generator."""
    with TemporaryDirectory() as folder, chdir(folder), chance(1):
        yield


def network(seed, dropout=0.3, width=C):
    """Make a model that has running means beside its parameters."""
    with chance(seed):
        layers = nn.Embedding(V, width), nn.BatchNorm1d(width), nn.Linear(width, V)
        return nn.Sequential(*layers, nn.Dropout(dropout)).double()


def plain(model):
    return torch.optim.SGD(model.parameters(), lr=0.5)


def heavy(model):
    return torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)


def adam(model, lr=0.1, weight_decay=0.5, **options):
    groups = [{"params": model[0].parameters(), "lr": 2 * lr}, {"params": model[1:].parameters()}]
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, **options)


def train(model, optimizer, batches, steps, fall=1.0):
    """Make some steps, after each of which the rates fall; tell the losses."""
    losses = []
    for _ in range(steps):
        inputs, targets = torch.randint(V, (2, 8), generator=batches)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= fall
        losses.append(loss.item())
    return losses


def fresh(make=adam, dropout=0.3, width=C):
    """Make the parts of another training, which is somewhere else in every respect."""
    torch.default_generator.manual_seed(4)
    model = network(5, dropout, width)
    return model, make(model), random(6)


def snapshot(model, optimizer, batches):
    """Write down all that saving and loading could change."""
    return {
        "the model": [value.tolist() for value in model.state_dict().values()],
        "the optimizer": str(optimizer.state_dict()),
        "torch's own generator": torch.get_rng_state().tolist(),
        "the generator": batches.get_state().tolist(),
        "the mode": [module.training for module in model.modules()],
        "what asks for a gradient": [p.requires_grad for p in model.parameters()],
    }


def broken(value):
    """Copy what was saved, with other bytes in place of the states of generators."""
    if isinstance(value, dict):
        return {name: broken(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [broken(one) for one in value]
    odd = isinstance(value, torch.Tensor) and value.dtype == torch.uint8
    return torch.zeros(3, dtype=torch.uint8) if odd else value


@contextmanager
def watched():
    """List what goes wrong with the path, as seen whenever Python opens or moves a file."""
    SEEN.append([])
    try:
        yield SEEN[-1]
    finally:
        SEEN.clear()


def look(event, arguments):
    if not SEEN or event not in ("open", "os.rename", "os.remove"):
        return
    if not PATH.is_file():
        SEEN[-1].append("left nothing at the path for a moment, while it replaced the file there")
    if event == "os.rename":
        here, source, goal = (os.path.realpath(os.fsdecode(x)) for x in (".", *arguments[:2]))
        if goal == os.path.realpath(PATH) and not source.startswith(here + os.sep):
            SEEN[-1].append("moved the new file in from another folder, perhaps another disk")


sys.addaudithook(look)
