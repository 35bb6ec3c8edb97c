"""The side of the parent: gives each kata a child of its own, and survives whatever it does."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait

from grader.forks import FORKS
from grader.reporter import Batch
from grader.syllabus import kata
from grader.trial import LIMIT, Trial
from grader.worker import Job, work

TOGETHER = 8 if FORKS else 1  # jobs that one child takes, one after another


def context(jobs: list[Job]):
    """Return the cheapest way of starting children here, warmed up with what they all import."""
    os.environ["PYTHONHASHSEED"] = "0"  # to them a set has the same order at every run
    if not FORKS:
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*used(jobs), "grader.warm"])
    resource_tracker.ensure_running()  # first: starting it lets Ctrl-C through again
    with uninterrupted():
        forkserver.ensure_running()
    return server


@contextmanager
def uninterrupted():
    """Have Ctrl-C wait, so that it does not reach children while they start: we end them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def used(jobs: list[Job]) -> list[str]:
    """List what the katas and their tests import that takes long.

    That is torch, modules of tests/, and what torch imports only for optimisers and other devices.
    """
    katas = {kata(job.slug) for job in jobs}
    text = "".join(p.read_text("utf-8") for k in katas for p in (k.reference, k.tests))
    torch = ["torch"] if re.search(r"^(import|from) torch", text, re.M) else []
    torch += ["torch._dynamo"] if re.search(r"torch\.optim|tests\.devices", text) else []
    return torch + sorted(set(re.findall(r"^from (tests\.\w+) import", text, re.M)))


def begin(start, kind: type, *given) -> Trial:
    """Start a child that runs tests under a reporter of this kind."""
    reports, findings = start.Pipe(duplex=False)
    trace, dump = start.Pipe(duplex=False)
    child = start.Process(target=work, args=(kind, *given, findings, dump, LIMIT), daemon=True)
    with uninterrupted():
        child.start()
    findings.close()
    dump.close()
    return Trial([], child, reports, trace)


def batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Group what is judged by the same tests in the same company, variants of one kata."""
    for _, same in groupby(jobs, key=lambda job: job._replace(variant="", breaks=())):
        alike = list(same)
        yield from (alike[i : i + TOGETHER] for i in range(0, len(alike), TOGETHER))


def hold(jobs: Iterable[Job], children: int | None = None) -> Iterator[tuple[Job, list, str]]:
    """Run the jobs, in as many children at once as there are cores.

    Yields, as each ends: the job, its findings, and why it was stopped, empty if it was not.
    """
    jobs = list(jobs)
    start, waiting = context(jobs), [*batches(jobs)][::-1]
    trials: dict[Connection, Trial] = {}
    try:
        while waiting or trials:
            while waiting and len(trials) < (children or os.cpu_count() or 1):
                batch = waiting.pop()
                trial = begin(start, Batch, batch)
                trial.jobs = list(batch)
                trials[trial.reports] = trial
            heard = wait(list(trials), min(trial.patience() for trial in trials.values()))
            for reports, trial in list(trials.items()):
                over = reports in heard and not trial.hear()
                if over or trial.late():
                    yield trial.end()
                    if not trial.child.is_alive():
                        del trials[reports]
                        waiting += [trial.jobs] if trial.jobs else []
    finally:
        for trial in trials.values():
            trial.stop()
