"""The child that stands ready with the tests of one kata, and judges it whenever it is asked to."""

import gc
import os
import sys
from importlib import import_module
from multiprocessing.connection import Connection, wait

import pytest

from grader.data import gpt2_encoding, gpt2_merges
from grader.forks import FORKS
from grader.reporter import Reporter
from grader.syllabus import kata
from grader.trees import compiled
from grader.worker import Job, arguments

SELDOM = 100_000  # objects after which garbage is looked for: a verdict makes fewer, as a rule


class OnCall(Reporter):
    """Stands ready with the tests of one kata, and judges it as often as it is asked to.

    Several may share the tests: of each order, a test belongs to the first that claims it.

    claims  the folder in which they do
    """

    def __init__(self, job: Job, claims: str, orders: Connection, *channels):
        super().__init__(*channels)
        self.job, self.claims, self.orders, self.order = job, claims, orders, 0

    def arguments(self) -> list[str]:
        return arguments(self.job)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        this = kata(self.job.slug)
        read_ahead({name for item in session.items for name in item.fixturenames})
        for file in (k.reference for k in [*this.imports(), this]):
            compiled(file.read_text("utf-8-sig"), str(file))
        heard = self.rehearse(session.config) if FORKS else None
        if self.silent:
            os.nice(10)  # whoever waits for a verdict goes first
        listening = [self.orders, heard] if heard else [self.orders]
        while not self.silent:
            ready = wait(listening)
            if heard in ready and not self.replay.learn(heard):
                listening.remove(heard)
                gc.freeze()  # of all that is there by now, nothing is to be looked through again
            if self.orders in ready and self.ordered(session.config.option):
                session.items.sort(key=self.turn)
                gc.set_threshold(SELDOM)
                return

    def turn(self, item) -> float:
        """Return when a test has its turn: what takes long is early, one's own work is last."""
        return 1.0 if own_work(item) else -self.replay.seconds.get(item.nodeid, 0.0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        return None if self.silent or own_work(item) or self.claim(item) else True

    def claim(self, item) -> bool:
        """Say whether a test is ours: nobody else has made its file."""
        try:
            open(f"{self.claims}/{self.order}-{item.place}", "x").close()
        except FileExistsError:
            return False
        return True

    def ordered(self, option) -> bool:
        """Take an order. True where it is to be carried out: in a child, if there can be one."""
        try:
            self.order, option.solved = self.orders.recv()
        except EOFError:
            os._exit(0)
        return self.fork() if FORKS else True


def own_work(item) -> bool:
    """Say whether a test looks at what all others did: everybody who shares them runs it."""
    return "shortcuts" in item.fixturenames


def read_ahead(fixtures: set[str]) -> None:
    """Read and import what tests will ask for and takes long, so that no child has to."""
    if "torch" in sys.modules:
        import_module("torch._dynamo")  # of which torch's optimisers and the meta device make use
    if fixtures & {"gpt2", "gpt2_files"}:
        gpt2_encoding()
        gpt2_merges()
