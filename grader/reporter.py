"""What a child tells its parent of the tests that it runs, and in whose stead it runs them."""

import faulthandler
import os
from multiprocessing.connection import Connection

import pytest

from grader.pages import clause_of
from grader.replay import Replay
from grader.worker import Job, Started, arguments

TROUBLE = "The check itself failed:"
ENOUGH = 3  # as many are worth a rehearsal


class Reporter:
    """Sends the name of each test as it starts, and its finding when it has ended.

    Tests are collected once. Who is judged is judged in a child forked from there, which ends with
    its last test.
    """

    def __init__(self, findings: Connection, trace: Connection, limit: float):
        self.findings, self.trace, self.limit = findings, trace, limit
        self.replay, self.forked, self.silent = Replay(), False, False

    def fork(self) -> bool:
        """Fork. True in the child; False in its parent, once it has told how the child ended."""
        child = os.fork()
        if child:
            self.findings.send(Started(child))
            self.findings.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        self.forked = not child
        return self.forked

    def rehearse(self, config) -> Connection | None:
        """Have the tests run on the reference in a child. None there; else what to learn from."""
        heard = self.replay.rehearse()
        if heard is None:
            config.option.impl, config.option.lean = "reference", True
            config.option.rehearse = True
            self.forked = self.silent = True
        return heard

    def send(self, report) -> None:
        if not self.silent:
            self.findings.send(report)

    def pytest_runtest_logstart(self, nodeid, location):
        self.send(location[2])
        if not self.silent:
            faulthandler.dump_traceback_later(self.limit, exit=True, file=self.trace.fileno())

    def pytest_runtest_logreport(self, report):
        if getattr(report, "finding", None):
            self.send(report.finding)

    def pytest_collectreport(self, report):
        if report.failed:
            self.send(f"{TROUBLE} {report.longreprtext[-2000:]}")

    def pytest_internalerror(self, excrepr):
        self.send(f"{TROUBLE} {str(excrepr)[-2000:]}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus):
        faulthandler.cancel_dump_traceback_later()
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.send(None)
        if self.forked:
            os._exit(0)  # nothing is left to be put away


class Batch(Reporter):
    """Judges jobs of one kata, in the same company, one after another. The last needs no child."""

    def __init__(self, jobs: list[Job], *channels):
        super().__init__(*channels)
        self.jobs, self.unbroken, self.named_alone, self.enough = jobs, set(), False, False

    def arguments(self) -> list[str]:
        return arguments(self.jobs[0])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if len(self.jobs) >= ENOUGH:
            heard = self.rehearse(session.config)
            if heard is None:
                everything = not all(job.breaks for job in self.jobs)
                self.unbroken = set().union(*(job.breaks for job in self.jobs))
                self.named_alone = not everything
                return
            while self.replay.learn(heard):
                pass
        job = next((job for job in self.jobs[:-1] if self.fork()), self.jobs[-1])
        session.config.option.variant, self.unbroken = job.variant, set(job.breaks)
        self.named_alone = job.brief

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        waited_for = not self.unbroken or clause_of(item.originalname) in self.unbroken
        pointless = self.named_alone and not waited_for
        return True if pointless else None

    def pytest_runtest_logreport(self, report):
        super().pytest_runtest_logreport(report)
        if getattr(report, "finding", None) and not self.silent:
            self.named_alone |= report.failed
            if report.failed and self.unbroken:
                self.unbroken.discard(report.finding.clause)
                self.enough = not self.unbroken

    def pytest_runtest_teardown(self, item):
        if self.enough:
            item.session.shouldfail = "it is caught"
