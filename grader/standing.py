"""Children that stand ready with the tests of one kata, and judge it as often as it changes."""

import os
import shutil
import tempfile
from multiprocessing.connection import Connection

from grader.court import begin, context
from grader.on_call import OnCall
from grader.syllabus import Kata, syllabus
from grader.trial import Trial
from grader.worker import Job

PARTS = min(os.cpu_count() or 1, 4)  # among as many children the tests are shared out


class Stand:
    """The children of one kata, who share its tests.

    They import the learner's files only when they are asked to judge, in a process of their own.
    """

    def __init__(self, this: Kata):
        self.this, self.job = this, Job(this.slug, lean=False)
        start = context([Job(other.slug) for other in syllabus()])  # any may be the next
        self.forks = start.get_start_method() == "forkserver"
        self.claims, self.orders = tempfile.mkdtemp(prefix="kata-"), 0
        self.parts = [self.part(start) for _ in range(PARTS)]
        self.busy: list[Trial] = []
        self.ended: list[tuple[list, str]] = []

    def part(self, start) -> tuple[Trial, Connection]:
        """Start a child that waits for orders."""
        orders, order = start.Pipe(duplex=False)
        trial = begin(start, OnCall, self.job, self.claims, orders)
        trial.stays = self.forks
        orders.close()
        return trial, order

    def judge(self, solved: set[str]) -> None:
        """Have the kata judged as it stands now, with these of the learner's that it uses."""
        self.ended, self.orders = [], self.orders + 1
        for trial, order in self.parts:
            trial.jobs = [self.job]
            trial.wait_longer()
            order.send((self.orders, solved))
            self.busy.append(trial)

    def waits_for(self) -> list[Connection]:
        return [trial.reports for trial in self.busy]

    def patience(self) -> float:
        """Return after how many seconds a child that is silent must be stopped."""
        return min(trial.patience() for trial in self.busy)

    def hear(self, ready: list) -> tuple[list, str] | None:
        """Take what was reported. At the end return all findings, and why it was stopped."""
        for trial in list(self.busy):
            if (trial.reports in ready and not trial.hear()) or trial.late():
                _, findings, stopped = trial.end()
                self.ended.append((findings, stopped))
                self.busy.remove(trial)
        if self.busy or not self.ended:
            return None
        ended, self.ended = self.ended, []
        findings = [finding for found, _ in ended for finding in found]
        return findings, next((why for _, why in ended if why), "")

    def cancel(self) -> None:
        """Stop what is being judged, if anything is."""
        for trial in self.busy:
            trial.interrupt()
        while self.busy:
            self.hear(self.waits_for())

    def usable(self) -> bool:
        """Say whether it judges, or can judge once more."""
        return bool(self.busy) or all(trial.child.is_alive() for trial, _ in self.parts)

    def close(self) -> None:
        for trial, _ in self.parts:
            trial.done = True
            trial.stop()
        shutil.rmtree(self.claims, ignore_errors=True)
