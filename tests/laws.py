"""Assertions that the tests share. None of them calls the code it judges.

A failed one raises Violation, which says in a sentence what came back and where it differs from
what was expected. The grader puts the clause, the call and the learner's line around it.
"""

import builtins
import sys
from ast import literal_eval
from contextlib import contextmanager
from copy import deepcopy
from doctest import NORMALIZE_WHITESPACE, OutputChecker
from importlib import import_module

from grader.accused import Accused, Raised
from grader.brief import brief
from grader.messages import RESULT
from tests.differences import a, difference, side_by_side

RTOL, ATOL = 1e-9, 1e-9  # the one tolerance, for float64 and the same formula


class Violation(AssertionError):
    """A broken law: what came back, a sentence about it, and lines that show where."""

    def __init__(self, returned, says: str, shown: tuple[str, ...] = ()):
        super().__init__("\n".join((says, *shown)))
        self.returned, self.says, self.shown = returned, says, shown


def assert_equal(returned, expected):
    """Assert that two values are the same in type, size and every entry."""
    __tracebackhide__ = True
    found = difference(returned, expected, rtol=0.0, atol=0.0)
    if found:
        raise Violation(returned, *found)


def assert_close(returned, expected, rtol=RTOL, atol=ATOL):
    """Assert that two tensors agree in shape and dtype, and in their entries up to rounding."""
    __tracebackhide__ = True
    found = difference(returned, expected, rtol, atol)
    if found:
        raise Violation(returned, *found)


def assert_holds(law: bool, says: str, returned=None):
    """Assert a law. `says` goes on where the call ends: "returned an empty token"."""
    __tracebackhide__ = True
    if not law:
        raise Violation(returned, says)


@contextmanager
def assert_raises(kind: type[Exception], mentions: str = ""):
    """Assert that the accused refuses its arguments with `kind`, and names what is wrong."""
    __tracebackhide__ = True
    try:
        yield
    except Raised as raised:
        error = raised.error
        if not isinstance(error, kind):
            told = f"raised {type(error).__name__} ({brief(str(error))}), not {kind.__name__}"
            raise Violation(None, told) from error
        if mentions not in str(error):
            told = f"raised {kind.__name__}({brief(str(error))}), which does not name {mentions}"
            raise Violation(None, told) from error
    else:
        raise Violation(None, f"returned {RESULT}; the page asks for {a(kind)}")


def assert_leaves_alone(call: Accused, *arguments, **options):
    """Assert that a call leaves every one of its arguments as it was."""
    __tracebackhide__ = True
    before = deepcopy(arguments)
    call(*arguments, **options)
    for given, kept in zip(arguments, before, strict=True):
        if found := difference(given, kept, rtol=0.0, atol=0.0):
            shown = (
                line.replace("returned[", "after[")
                .replace("returned", "after   ")
                .replace("expected", "before  ")
                for line in found[1]
            )
            raise Violation(None, "changed its argument", tuple(shown))


def assert_own_work(uses):
    """Assert that no shortcut was found; each use is a name and, from the source, a line."""
    __tracebackhide__ = True
    for name, line in uses:
        where = f"line {line} uses" if line else "torch ran"
        raise Violation(None, f"{where} `{name}`, which is what this kata asks you to write")


def assert_examples(kata, examples):
    """Assert that each example of the page gives what the page prints below it."""
    __tracebackhide__ = True
    names = {
        "kata": kata,
        **{name: import_module(name) for name in ("torch",) if name in sys.modules},
    }
    for example in examples:
        if example.exc_msg:
            with assert_raises(getattr(builtins, example.exc_msg.partition(":")[0])):
                exec(example.source, names)
        elif not example.want:
            exec(example.source, names)
        else:
            value = eval(example.source, names)
            if found := difference_from_print(value, example.want):
                raise Violation(value, *found)


def difference_from_print(value, want: str):
    """Compare a value with what a page prints: as data if it is data, else as text."""
    try:
        expected = literal_eval(want.strip())
    except (ValueError, SyntaxError):
        if not OutputChecker().check_output(want, f"{value!r}\n", NORMALIZE_WHITESPACE):
            return "gave another value than the page prints", side_by_side(Text(value), Text(want))
        return None
    return difference(value, expected, rtol=0.0, atol=0.0)


class Text:
    """Something to be shown as it is printed."""

    def __init__(self, value):
        self.value = value if isinstance(value, str) else repr(value)

    def __repr__(self) -> str:
        return " ".join(self.value.split())
