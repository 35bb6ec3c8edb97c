"""`kata compare`: a solved kata beside the reference, on the examples of its tests."""

import math
import pickle
from statistics import median

import pytest

from grader.compared import Compared
from grader.diagnosis import fixtures, trace
from grader.examples import plain_test
from grader.meters import Clock, Metered, Peak, tracing
from grader.reporter import Reporter
from grader.sources import length
from grader.syllabus import ROOT, kata
from grader.trees import Tree
from grader.worker import Job, arguments

FEW = 8  # examples of each test that are compared
ROUNDS = 3  # in which both run, one after the other


class Comparison(Reporter):
    """Runs the tests of a kata, and their examples again: with it, and with the reference."""

    def __init__(self, job: Job, *channels):
        super().__init__(*channels)
        self.job, self.calls, self.difference = job, 0, None
        self.seconds = [[0.0, 0.0] for _ in range(ROUNDS)]
        self.bytes = [1, 1]

    def arguments(self) -> list[str]:
        return arguments(self.job)

    def pytest_runtest_logreport(self, report):
        """Say nothing of single tests."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        yield
        if "kata" in item.fixturenames and "shortcuts" not in item.fixturenames:
            self.compare(item)

    def compare(self, item) -> None:
        """Give both the latest examples of a test that has passed."""
        tree = Tree("beside", ROOT / "reference")
        both = [item.funcargs["kata"]._target, tree.load(self.job.slug)]
        for example in list(item.met)[-FEW:]:
            for seconds in self.seconds:
                found = [run(item, module, example, Clock()) for module in both]
                seconds[:] = [seconds[i] + spent for i, (_, spent) in enumerate(found)]
            self.note(*(calls for calls, _ in found))
            with tracing():
                peaks = [run(item, module, example, Peak())[1] for module in both]
            self.bytes = [*map(max, self.bytes, peaks)]
        tree.forget()

    def note(self, mine: list, theirs: list) -> None:
        """Keep how far the results of two runs of a test are apart."""
        self.calls += len(mine)
        apart = [difference(a.result, b.result) for a, b in zip(mine, theirs, strict=False)]
        numbers = [d for d in [self.difference, *apart] if d is not None]
        self.difference = max(numbers, default=None)

    def pytest_sessionfinish(self, exitstatus):
        this = kata(self.job.slug)
        ratio = median(mine / theirs for mine, theirs in self.seconds if theirs)
        lines = length(this.exercise), length(this.reference)
        memory = self.bytes[0] / self.bytes[1]
        self.send(Compared(this.slug, self.calls, self.difference, ratio, memory, lines))
        super().pytest_sessionfinish(exitstatus)


def run(item, module, example: bytes, meter) -> tuple[list, float]:
    """Run a test once with a module. Return its calls, and what the meter says they cost."""
    given = fixtures(item, module, "")
    given["kata"]._record = Metered(given["kata"]._record, meter)
    calls, _ = trace(plain_test(item.obj), given, pickle.loads(example))
    return calls, meter.spent


def difference(one, other) -> float | None:
    """Return the largest difference of two numbers in two results; None if there are none."""
    if isinstance(one, bool) or one is None:
        return None
    if isinstance(one, int | float) and isinstance(other, int | float):
        return 0.0 if one == other or (one != one and other != other) else abs(one - other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = (difference(a, b) for a, b in zip(one, other, strict=False))
        return max((d for d in pairs if d is not None), default=None)
    if isinstance(one, dict) and isinstance(other, dict):
        return difference(list(one.values()), list(other.values()))
    return apart(one, other) if hasattr(one, "dtype") and hasattr(other, "dtype") else None


def apart(one, other) -> float | None:
    """Return the largest difference of two entries of tensors or arrays."""
    import torch

    one, other = (torch.as_tensor(value).detach().double() for value in (one, other))
    if one.shape != other.shape or not one.numel():
        return None
    both = (one - other).abs().nan_to_num(nan=0.0, posinf=math.inf)  # inf - inf, nan - nan
    return both.max().item()
