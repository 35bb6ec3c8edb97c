"""The child that stands ready with the tests of one kata, and judges it whenever it is asked to."""

import os
from multiprocessing.connection import Connection, wait

import pytest

from grader.data import gpt2_encoding, gpt2_merges
from grader.reporter import FORKS, Reporter
from grader.worker import Job, arguments


class OnCall(Reporter):
    """Stands ready with the tests of one kata, and judges it as often as it is asked to.

    part  which of how many equal parts of the tests: `0, 2` is the first half
    """

    def __init__(self, job: Job, part: tuple[int, int], orders: Connection, *channels):
        super().__init__(*channels)
        self.job, self.part, self.orders = job, part, orders

    def arguments(self) -> list[str]:
        return arguments(self.job)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Keep every other test, and those of one's own work: they look at what the others did."""
        first, step = self.part
        items[:] = [
            item
            for place, item in enumerate(items)
            if place % step == first or "shortcuts" in item.fixturenames
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        read_ahead({name for item in session.items for name in item.fixturenames})
        heard = self.rehearse(session.config) if FORKS else None
        listening = [self.orders, heard] if heard else [self.orders]
        while not self.silent:
            ready = wait(listening)
            if heard in ready and not self.replay.learn(heard):
                listening.remove(heard)
            if self.orders in ready and self.ordered():
                return

    def ordered(self) -> bool:
        """Take an order. True where it is to be carried out: in a child, if there can be one."""
        try:
            self.orders.recv()
        except EOFError:
            os._exit(0)
        return self.fork() if FORKS else True


def read_ahead(fixtures: set[str]) -> None:
    """Read published data that tests will ask for, so that no child has to."""
    if fixtures & {"gpt2", "gpt2_files"}:
        gpt2_encoding()
        gpt2_merges()
