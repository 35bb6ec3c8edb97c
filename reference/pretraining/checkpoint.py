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
    finally:
        beside.unlink(missing_ok=True)


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
    with Path(path).open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            weights, moments, step, chance, batches = (state[name] for name in NAMES)
            groups = [dict(group) for group in moments["param_groups"]]
            for own in [chance] if batches is None else [chance, batches]:
                torch.Generator().set_state(own)  # raises if this is no state
            if not isinstance(weights, dict):
                raise TypeError("weights must have names")
        except Exception as error:  # for a damaged file torch raises nearly anything
            raise ValueError(f"path must be a whole checkpoint, got {path}") from error
    if generator is not None and batches is None:
        raise ValueError(f"generator must be None, got one; {path} holds none")
    before = deepcopy(model.state_dict())
    load_state(model, weights)
    if optimizer is not None:
        try:
            for mine, saved in zip(optimizer.param_groups, groups, strict=False):
                if lacking := sorted(mine.keys() - saved.keys()):
                    raise ValueError(f"optimizer has {', '.join(lacking)}, and {path} has not")
            optimizer.load_state_dict(moments)
        except Exception:
            load_state(model, before)
            raise
        torch.set_rng_state(chance)
    if generator is not None:
        generator.set_state(batches)
    return step
