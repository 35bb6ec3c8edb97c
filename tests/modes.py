"""The laws about modes: each module keeps its own, and gradients are recorded as before."""

from collections.abc import Callable

import torch
from torch import nn

from tests.laws import assert_holds
from tests.models import bigram


def frozen(V: int, seed: int = 0) -> nn.Module:
    """Make a model in training of which one part, and all within another, is in evaluation."""
    inner = nn.Sequential(nn.Sequential(nn.Dropout(0.5)))
    model = nn.Sequential(bigram(V, seed, 0.5), nn.Dropout(0.5), inner)
    model[0].drop.eval()
    inner.eval()
    return model


def modes(model: nn.Module) -> dict[str, bool]:
    """List each part of a model with its mode."""
    return {name or "the model": part.training for name, part in model.named_modules()}


def assert_modes(model: nn.Module, before: dict[str, bool]):
    """Assert that each part is in the mode in which it was, and a new one in that of its place."""
    __tracebackhide__ = True
    for name, training in modes(model).items():
        place = name
        while place not in before:
            place = place.rpartition(".")[0] or "the model"
        now, then = ("training" if mode else "evaluation" for mode in (training, before[place]))
        whose = "it" if place == name else place
        told = f"left {name} in {now} mode; before {whose} was in {then} mode"
        assert_holds(training == before[place], told)


def assert_recording_kept(call: Callable):
    """Assert that gradients are recorded after a call if they were before, and only then."""
    __tracebackhide__ = True
    for recorded in (True, False):
        with torch.set_grad_enabled(recorded):
            call()
            now, then = ("on" if on else "off" for on in (torch.is_grad_enabled(), recorded))
        assert_holds(now == then, f"left gradients {now}; before they were {then}")
