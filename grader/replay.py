"""Examples drawn once, for all who are judged by the same tests.

Hypothesis draws the same examples for everyone, which takes longer than most katas. So they are
drawn once, while the reference is tested, and given as they are to the tests of everybody else.
Only the first test that fails draws again, to find the smallest example that fails.
"""

import os
import pickle
import random
import sys
import time
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from grader.accused import Unwritten
from grader.examples import plain_test
from grader.record import Record


def seed() -> None:
    """Let every generator that nobody seeded begin anew, as it does at each test."""
    seed_python()
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)  # of the CPU: seeding all devices takes long


def seed_python() -> None:
    """Let Python's and numpy's generators begin anew, as Hypothesis does at each example."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)


class Replay:
    """Keeps the arguments of each test's examples, as they were before a test had them.

    drawn    by test, the arguments of its examples; a process that has used them is given up
    pickled  the same, for those that are to be used twice
    seconds  by test, how long it took
    whole    whether no test has failed yet: the first that does is shown in full
    """

    def __init__(self):
        self.drawn: dict[str, list[dict]] = {}
        self.pickled: dict[str, list[bytes]] = {}
        self.seconds: dict[str, float] = {}
        self.whole, self.notes = True, None

    def rehearse(self) -> Connection | None:
        """Fork. The child, where the tests are to run on the reference, is given None."""
        heard, notes = Pipe(duplex=False)
        if os.fork():
            notes.close()
            return heard
        self.notes = notes
        return None

    def learn(self, heard: Connection) -> bool:
        """Take what was drawn for one test. False if there is nothing more."""
        with suppress(EOFError, OSError):
            name, examples, seconds = pickle.loads(heard.recv_bytes())
            self.seconds[name] = seconds
            if examples is not None:
                self.pickled[name] = examples
                self.drawn[name] = [pickle.loads(example) for example in examples]
            return True
        return False

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem) -> bool | None:
        """Run a test on the examples that were drawn for it, or let it draw its own."""
        if self.notes or pyfuncitem.nodeid not in self.drawn:
            return None
        given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        with wordless(pyfuncitem.funcargs["kata"]._record):
            failed = first_failure(pyfuncitem.obj, given, self.drawn[pyfuncitem.nodeid])
        if not failed:
            return True
        place, failure = failed
        if self.whole and not isinstance(failure, Unwritten):
            self.whole = False
            seed()
            pyfuncitem.obj(**given)
            raise failure
        example = pickle.loads(self.pickled[pyfuncitem.nodeid][place])
        _, failure = first_failure(pyfuncitem.obj, given, [example]) or failed
        raise failure

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Send what a test has drawn, and how long it took."""
        began = time.perf_counter()
        yield
        if self.notes:
            met = list(item.met) if hasattr(item.obj, "hypothesis") else None
            self.notes.send_bytes(pickle.dumps((item.nodeid, met, time.perf_counter() - began)))


def first_failure(test, given: dict, examples: list[dict]) -> tuple[int, Exception] | None:
    """Call a test with one example after another. Return which is the first to fail, and how."""
    for place, example in enumerate(examples):
        seed_python()
        try:
            plain_test(test)(**given, **example)
        except Exception as failure:
            return place, failure
    return None


@contextmanager
def wordless(record: Record):
    """Do without the words of the calls, which are needed only where something fails."""
    record.in_words = False
    try:
        yield
    finally:
        record.in_words = True
        record.calls.clear()
