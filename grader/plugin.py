"""The pytest plugin: hands each test the kata it judges, and words each failure.

--impl exercises  your tree (the default), `reference`, or any folder laid out like them
--lean            take every kata but the one under test from the reference
--variant NAME    judge this entry of mistakes/<slug>.toml instead
"""

from collections.abc import Collection
from typing import NamedTuple

import pytest

from grader import messages
from grader.accused import Missing, Raised, Unloadable, Unwritten
from grader.data import gpt2_folder
from grader.diagnosis import likely
from grader.examples import LATEST, noted
from grader.layout import looking_like
from grader.pages import Page, clause_of
from grader.replay import seed
from grader.syllabus import Kata, kata_of

pytest_plugins = ["grader.fixtures"]


class Finding(NamedTuple):
    """How one test ended: passed, failed, unwritten, skipped, or crashed by its own fault.

    place  of the test among those of its page
    likely mistakes that it may be: for each the belief behind it, and the clauses that it breaks
    """

    clause: str
    outcome: str
    message: str = ""
    raised: str = ""
    place: int = 0
    likely: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def told(self, kept: Collection[str] = ()) -> str:
        """Say why it failed, and what that looks like: nothing that would break what is kept."""
        named = (belief for belief, breaks in self.likely if not set(breaks) & set(kept))
        return looking_like(self.message, list(named))


def pytest_addoption(parser):
    group = parser.getgroup("kata")
    group.addoption("--impl", default="exercises", help="exercises, reference or a folder")
    group.addoption("--lean", action="store_true", help="borrow every other kata")
    group.addoption("--variant", default="", help="an entry of mistakes/<slug>.toml")
    group.addoption("--rehearse", action="store_true", help="keep all examples that are met")


def pytest_configure(config):
    gpt2_folder()  # where tiktoken, which a kata may call, finds GPT-2's files
    if config.option.impl != "reference":  # a learner's warnings are no mistakes
        config.addinivalue_line("filterwarnings", "ignore")


def pytest_collection_modifyitems(items):
    """Put the tests in the order in which the page states its clauses."""

    def place(item):
        this = kata_of(item.path)
        clauses = list(Page(this.page).clauses()) if this else []
        clause = clause_of(item.name)
        return (item.path, clauses.index(clause) if clause in clauses else -1)

    items.sort(key=place)
    for number, item in enumerate(items):
        item.place = number


def pytest_runtest_setup(item):
    """Draw the same at each test, whatever ran before it: the same verdict at every run."""
    seed()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Keep the examples that a test meets."""
    if "kata" not in pyfuncitem.fixturenames:
        return (yield)
    with noted(pyfuncitem, None if pyfuncitem.config.option.rehearse else LATEST):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    this = kata_of(item.path)
    if this and "kata" in getattr(item, "fixturenames", ()):
        if call.when == "setup" and report.passed:
            item.parent.record.calls.clear()
            item.parent.diagnosed = getattr(item.parent, "diagnosed", False)
        found = judged(this, item, call, report)
        report.finding = found and found._replace(place=item.place)
        if report.failed and report.finding and report.finding.message:
            report.longrepr = report.finding.told()
    return report


def judged(this: Kata, item, call, report) -> Finding | None:
    """Say how a test ended, and in words why."""
    name = clause_of(item.originalname)
    if report.passed:
        return Finding(name, "passed") if report.when == "call" else None
    if report.skipped:
        return Finding(name, "skipped", str(call.excinfo.value))
    clause = Page(this.page).clauses().get(name)
    error = call.excinfo.value
    if isinstance(error, Unloadable):
        return Finding(name, "unloadable", str(error), type(error.__cause__).__name__)
    if isinstance(error, Unwritten):
        report.outcome, report.longrepr = (
            "skipped",
            (str(item.path), 0, f"not written yet: {error}"),
        )
        return Finding(name, "unwritten", str(error))
    record, file = item.parent.record, item.parent.file
    if clause is None or not (isinstance(error, AssertionError) or record.calls):
        return Finding(name, "crashed", str(report.longrepr), type(error).__name__)
    if not isinstance(error, AssertionError):
        message = messages.of_failure(this, clause, error, record, file)
        return Finding(name, "crashed", message, type(error).__name__)
    raised = type(error.error).__name__ if isinstance(error, Raised) else ""
    if isinstance(error, Missing):
        record.calls.clear()  # it is about no call
        error = Missing(f"{error}: `kata reset {this.name}` puts the stub back")
    message = messages.of_failure(this, clause, error, record, file)
    if item.parent.diagnosed or item.config.option.impl == "reference":
        return Finding(name, "failed", message, raised)
    item.parent.diagnosed = True
    alike = tuple((mistake.belief, mistake.breaks) for mistake in likely(this, name, item))
    return Finding(name, "failed", message, raised, likely=alike)
