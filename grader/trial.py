"""A child at work on one kata, as its parent sees it."""

import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from grader.layout import Place
from grader.reporter import TROUBLE
from grader.worker import MEMORY, Job, Started

LIMIT = float(os.environ.get("KATA_TIME_LIMIT", 20))  # seconds that one test may take
GRACE = 5.0  # seconds that a child is given to start, and to stop itself


@dataclass
class Trial:
    """A child at work on jobs of one kata, and what it has reported of the first of them.

    code     how the process ended that ran it, once that is known
    process  which process that is, if it is not the child
    stays    whether the child waits for more when nothing is left to do
    """

    jobs: list[Job]
    child: BaseProcess
    reports: Connection
    trace: Connection
    deadline: float = 0.0
    findings: list = field(default_factory=list)
    test: str = ""
    done: bool = False
    code: int | None = None
    process: int | None = None
    stays: bool = False

    def __post_init__(self):
        self.wait_longer()

    def wait_longer(self) -> None:
        self.deadline = time.monotonic() + LIMIT + GRACE

    def hear(self) -> bool:
        """Take one report. False if there will be no more of the first job."""
        try:
            report = self.reports.recv()
        except (EOFError, OSError):
            return False
        self.wait_longer()
        if isinstance(report, Started):
            self.process, self.code = report.process, None
        elif isinstance(report, str):
            self.test = report
        elif isinstance(report, int):
            self.code = report if self.process else None  # what ends late is over already
        elif report is not None:
            self.findings.append(report)
        self.done |= report is None
        return self.code is None and not (self.done and len(self.jobs) == 1)

    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def patience(self) -> float:
        """Return after how many seconds of silence it is late."""
        return max(0.0, self.deadline - time.monotonic())

    def interrupt(self) -> None:
        """Stop what is running, and nothing else if possible."""
        if self.process is None:
            self.child.kill()
        else:
            with suppress(OSError):
                os.kill(self.process, signal.SIGKILL)

    def end(self) -> tuple[Job, list, str]:
        """Return the first job, its findings, and why it was stopped, empty if it was not.

        The next one is heard then. A child that is late, or has nothing more to do, is stopped.
        """
        late = self.code is None and not (self.done and self.stays) and self.stop()
        why = self.why(late)
        found = self.jobs.pop(0), self.findings, why
        self.findings, self.test, self.done = [], "", False
        self.code = self.process = None
        self.wait_longer()
        return found

    def stop(self) -> bool:
        """Stop the child and its process group, and say whether it was late."""
        self.child.join(0 if self.done or self.late() else GRACE)
        late = self.child.is_alive()
        with suppress(OSError, AttributeError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.kill()
        self.child.join()
        return late

    def why(self, late: bool) -> str:
        """Say why the first job was stopped, if it was."""
        if any(getattr(finding, "raised", "") == "MemoryError" for finding in self.findings):
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
        code = self.child.exitcode if self.code is None else self.code
        return (
            f"The process that ran it ended (exit code {code}) in the middle of "
            f"{self.test or 'its start'}: does the code end the process?"
        )

    def place(self, trace: str) -> Place | None:
        """Find the innermost line of the learner's file in what the child dumped."""
        name = f"{self.jobs[0].slug}.py"
        for file, line in re.findall(r'File "(.+?)", line (\d+)', trace):
            if file.endswith(name) and not Path(file).name.startswith("test_"):
                return Place(Path(file), int(line))
        return None
