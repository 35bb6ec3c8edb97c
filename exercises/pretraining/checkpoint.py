"""Checkpoints: a training that stops goes on as if it had not."""

import os
from copy import deepcopy
from pathlib import Path

import torch
from torch import nn

from ..gpt.load_gpt2 import load_state

NAMES = ("model", "optimizer", "step", "torch", "generator")


def save_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    generator: torch.Generator | None = None,
) -> None:
    """Write all that the next step depends on; what stood at the path stays until it is whole.

    step       int  how many steps have been made
    generator       where the batches come from; torch's own generator is always saved
    """
    raise NotImplementedError


def load_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    generator: torch.Generator | None = None,
) -> int:
    """Bring a model, and what else is given, to where they were when they were saved.

    optimizer  if it is given, the training goes on: torch's own generator is brought back as well
    ->  how many steps had been made

    Raises ValueError if the file is not a whole checkpoint, or holds no generator where one is
    given, or groups that are not those of the optimizer, or lack one of its settings; KeyError or
    ValueError, as load_state does, if its weights do not fit the model. Nothing has changed then.
    """
    raise NotImplementedError
