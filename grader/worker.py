"""The side of the child: runs the tests of one kata under limits, and reports as it goes."""

import faulthandler
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

import pytest

from grader.pages import clause_of
from grader.syllabus import ROOT, kata

MEMORY = 4 << 30  # bytes of data that one child may hold
TROUBLE = "The check itself failed:"


class Job(NamedTuple):
    """One kata to be judged: whose, in whose company, and as which variant.

    A variant that is wrong is judged until every clause that it breaks has failed, and once
    something has failed, or from the beginning if `brief`, by the tests of those clauses alone.
    """

    slug: str
    impl: str = "exercises"
    lean: bool = True
    variant: str = ""
    breaks: tuple[str, ...] = ()
    brief: bool = False
    seed: int | None = None

    def arguments(self) -> list[str]:
        """Return what pytest is told, except for the variant."""
        options = [f"--impl={self.impl}", *(["--lean"] if self.lean else [])]
        if self.seed is not None:
            options += ["--hypothesis-profile=random", f"--hypothesis-seed={self.seed}"]
        return [
            str(kata(self.slug).tests),
            f"--rootdir={ROOT}",
            f"-c={ROOT / 'pyproject.toml'}",
            *options,
        ]


class Reporter:
    """Sends the name of each test as it starts, and its finding when it has ended.

    Tests are collected once. Every job but the last is judged in a child forked from there.
    """

    def __init__(self, jobs: list[Job], findings: Connection, trace: Connection, limit: float):
        self.jobs, self.findings, self.trace, self.limit = jobs, findings, trace, limit
        self.unbroken, self.named_alone, self.enough = set(), False, False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session):
        job = next(filter(self.is_mine, self.jobs[:-1]), self.jobs[-1])
        session.config.option.variant, self.unbroken = job.variant, set(job.breaks)
        self.named_alone = job.brief
        return (yield)

    def is_mine(self, job: Job) -> bool:
        """Fork. True in the child; False in the parent, once the child has ended."""
        child = os.fork()
        if child:
            self.findings.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return not child

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        waited_for = not self.unbroken or clause_of(item.originalname) in self.unbroken
        pointless = self.named_alone and not waited_for
        return True if pointless else None

    def pytest_runtest_logstart(self, nodeid, location):
        self.findings.send(location[2])
        faulthandler.dump_traceback_later(self.limit, exit=True, file=self.trace.fileno())

    def pytest_runtest_logreport(self, report):
        if getattr(report, "finding", None):
            self.findings.send(report.finding)
            self.named_alone |= report.failed
            if report.failed and self.unbroken:
                self.unbroken.discard(report.finding.clause)
                self.enough = not self.unbroken

    def pytest_runtest_teardown(self, item):
        if self.enough:
            item.session.shouldfail = "it is caught"

    def pytest_collectreport(self, report):
        if report.failed:
            self.findings.send(f"{TROUBLE} {report.longreprtext[-2000:]}")

    def pytest_internalerror(self, excrepr):
        self.findings.send(f"{TROUBLE} {str(excrepr)[-2000:]}")

    def pytest_sessionfinish(self, exitstatus):
        faulthandler.cancel_dump_traceback_later()
        if self.enough or exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.findings.send(None)


def work(jobs: list[Job], findings: Connection, trace: Connection, limit: float) -> None:
    """Judge variants of one kata, away from the terminal and the parent's process group."""
    with suppress(AttributeError):  # Windows
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends us
    limit_memory()
    silence()
    sys.addaudithook(no_network)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--capture=no"]
    quiet += ["--assert=plain", "--tb=native"]  # other styles read the tests' sources again
    pytest.main([*jobs[0].arguments(), *quiet], plugins=[Reporter(jobs, findings, trace, limit)])


def limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def no_network(event: str, arguments: tuple) -> None:
    """Refuse connections: the same verdict with the network and without."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError("a check may not use the network")


def silence() -> None:
    """Send what anything prints nowhere: the accused's prints are kept by whoever calls it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
