"""Checkpoints: a training that stops goes on as if it had not."""

import os
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn

from ..gpt.load_gpt2 import load_state


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
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "torch": torch.get_rng_state(),
        "generator": None if generator is None else generator.get_state(),
    }
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(state, beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def load_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    generator: torch.Generator | None = None,
) -> int:
    """Bring a model, and what else is given, to where they were when they were saved.

    optimizer  if it is given, the training goes on: torch's own generator is brought back as well
    ->  how many steps had been made

    Raises ValueError if the file is not a whole checkpoint; KeyError or ValueError, as load_state
    does, if its weights do not fit the model. Nothing has changed then.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, UnpicklingError) as error:
        raise ValueError(f"path must be a whole checkpoint, got {path}") from error
    load_state(model, state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch"])
    if generator is not None:
        generator.set_state(state["generator"])
    return state["step"]
