"""The side of the parent: gives each kata a child of its own, and survives whatever it does."""

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from grader.layout import Place
from grader.syllabus import kata
from grader.worker import MEMORY, TROUBLE, Job, work

LIMIT = float(os.environ.get("KATA_TIME_LIMIT", 20))  # seconds that one test may take
GRACE = 5.0  # seconds that a child is given to start, and to stop itself


@dataclass
class Trial:
    """A child at work, and what it has reported so far."""

    job: Job
    child: BaseProcess
    reports: Connection
    trace: Connection
    deadline: float
    findings: list = field(default_factory=list)
    test: str = ""
    done: bool = False

    def hear(self) -> bool:
        """Take one report. False if there will be no more."""
        try:
            report = self.reports.recv()
        except (EOFError, OSError):
            return False
        self.deadline = time.monotonic() + LIMIT + GRACE
        if isinstance(report, str):
            self.test = report
        elif report is not None:
            self.findings.append(report)
        self.done = report is None
        return not self.done

    def end(self) -> str:
        """Stop the child and its process group. Return why it was stopped, if it was."""
        self.child.join(0 if self.done or time.monotonic() > self.deadline else GRACE)
        late = self.child.is_alive()
        with suppress(OSError, AttributeError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.kill()
        self.child.join()
        if any(finding.raised == "MemoryError" for finding in self.findings):
            return f"It asked for more memory than the {MEMORY >> 30} GiB that a check may take."
        return "" if self.done else self.reason(late)

    def reason(self, late: bool) -> str:
        lines = b""
        with suppress(OSError):
            os.set_blocking(self.trace.fileno(), False)
            lines = os.read(self.trace.fileno(), 1 << 16)
        if late or b"Timeout" in lines:
            where = f", at {place}" if (place := self.place(lines.decode(errors="replace"))) else ""
            return (
                f"Stopped after {LIMIT:g} seconds{where}. Is there a loop that never ends? "
                f"KATA_TIME_LIMIT={2 * LIMIT:g} in the environment allows more."
            )
        if self.test.startswith(TROUBLE):
            return self.test
        return (
            f"The process that ran it ended (exit code {self.child.exitcode}) in the middle of "
            f"{self.test or 'its start'}: does the code end the process?"
        )

    def place(self, trace: str) -> Place | None:
        """Find the innermost line of the learner's file in what the child dumped."""
        name = f"{self.job.slug}.py"
        for file, line in re.findall(r'File "(.+?)", line (\d+)', trace):
            if file.endswith(name) and not Path(file).name.startswith("test_"):
                return Place(Path(file), int(line))
        return None


def context(jobs: list[Job]):
    """Return the cheapest way of starting children here, warmed up with what they all import."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*used(jobs), "grader.warm"])
    return server


def used(jobs: list[Job]) -> list[str]:
    """List what the katas and their tests import that takes long.

    That is torch, modules of tests/, and what torch imports only when an optimiser is made.
    """
    katas = {kata(job.slug) for job in jobs}
    text = "".join(p.read_text("utf-8") for k in katas for p in (k.reference, k.tests))
    torch = ["torch"] if re.search(r"^(import|from) torch", text, re.M) else []
    torch += ["torch._dynamo"] if "torch.optim" in text else []
    return torch + sorted(set(re.findall(r"^from (tests\.\w+) import", text, re.M)))


def begin(start, job: Job) -> Trial:
    reports, findings = start.Pipe(duplex=False)
    trace, dump = start.Pipe(duplex=False)
    child = start.Process(target=work, args=(job, findings, dump, LIMIT), daemon=True)
    child.start()
    findings.close()
    dump.close()
    return Trial(job, child, reports, trace, time.monotonic() + LIMIT + GRACE)


def hold(jobs: Iterable[Job], children: int | None = None) -> Iterator[tuple[Job, list, str]]:
    """Run the jobs, as many at once as there are cores.

    Yields, as each ends: the job, its findings, and why it was stopped, empty if it was not.
    """
    waiting = list(jobs)
    start = context(waiting)
    waiting.reverse()
    trials: dict[Connection, Trial] = {}
    try:
        while waiting or trials:
            while waiting and len(trials) < (children or os.cpu_count() or 1):
                trial = begin(start, waiting.pop())
                trials[trial.reports] = trial
            soonest = min(trial.deadline for trial in trials.values()) - time.monotonic()
            heard = wait(list(trials), timeout=max(soonest, 0))
            for reports, trial in list(trials.items()):
                over = reports in heard and not trial.hear()
                if over or time.monotonic() > trial.deadline:
                    del trials[reports]
                    yield trial.job, trial.findings, trial.end()
    finally:
        for trial in trials.values():
            trial.end()
