"""The side of the child: runs the tests of one kata under limits."""

import os
import signal
import sys
from contextlib import suppress
from typing import NamedTuple, TextIO

import pytest

from grader.syllabus import ROOT, kata

QUIET = ["-q", "--capture=no"]
QUIET += ["--assert=plain", "--tb=native"]  # other styles read the tests' sources again
NEEDLESS = ("cacheprovider", "faulthandler", "logging", "unraisableexception", "threadexception")
for needless in NEEDLESS:
    QUIET += ["-p", f"no:{needless}"]
MEMORY = 4 << 30  # bytes of data that one child may hold


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


class Started(NamedTuple):
    """The process in which a job is now judged."""

    process: int


def arguments(job: Job) -> list[str]:
    """Return what pytest is told for a job, except for the variant."""
    options = [f"--impl={job.impl}", *(["--lean"] if job.lean else [])]
    if job.seed is not None:
        options += ["--hypothesis-profile=random", f"--hypothesis-seed={job.seed}"]
    tests = str(kata(job.slug).tests)
    return [tests, f"--rootdir={ROOT}", f"-c={ROOT / 'pyproject.toml'}", *options]


def work(kind: type, *given) -> None:
    """Run tests under a reporter of this kind, away from the terminal and the parent's group."""
    reporter = kind(*given)
    with suppress(AttributeError):  # Windows
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends us
    limit_memory()
    silence()
    sys.addaudithook(no_network)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    pytest.main([*reporter.arguments(), *QUIET], plugins=[reporter, reporter.replay])


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
    sys.stdin, sys.stdout, sys.stderr = open(0), taking(1), taking(2)  # noqa: SIM115


def taking(stream: int) -> TextIO:
    """Open a stream for text that takes every character, whatever the locale knows."""
    return open(stream, "w", encoding="utf-8", errors="backslashreplace")
