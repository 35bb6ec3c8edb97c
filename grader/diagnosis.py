"""What a failure looks like: the mistakes of the bank that behave as the accused does.

The latest examples that the failing test has met are given to it again, with the accused and with
each mistake in turn. A mistake is likely if every call gives the same, and the test ends alike.
It is named unless the accused keeps a clause that the mistake breaks.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import zip_longest

from grader.accused import Accused, plain
from grader.examples import met, plain_test
from grader.pages import Page
from grader.record import Call, Record
from grader.replay import seed
from grader.shortcuts import uses
from grader.syllabus import ROOT, Kata, syllabus
from grader.trees import Source, Tree
from grader.variants import Variant, variants

RTOL, ATOL = 1e-6, 1e-9  # within which two ways of computing the same may differ
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
Trace = tuple[list[Call], str]


def suspects(this: Kata, clause: str) -> list[Variant]:
    """List the mistakes of which this clause is the first that they break."""
    order = list(Page(this.page).clauses())
    return [m for m in variants(this)[0] if min(m.breaks, key=order.index) == clause]


def likely(this: Kata, clause: str, item) -> list[Variant]:
    """List the mistakes that behave as the accused does.

    item  the test that failed, with its fixtures, and the examples that it has met
    """
    accused, test = item.funcargs["kata"]._target, plain_test(item.obj)
    seen = [trace(test, fixtures(item, accused, item.parent.source), e) for e in met(item)]
    found = []
    for mistake in suspects(this, clause):
        tree = tree_of(this, mistake)
        with suppress(Exception):  # one that cannot even be imported is another one
            module = tree.load(this.slug)
            again = (trace(test, fixtures(item, module, mistake.source), e) for e in met(item))
            if seen and all(map(same, seen, again)):
                found.append(mistake)
        tree.forget()
    return found


def tree_of(this: Kata, mistake: Variant) -> Tree:
    others = frozenset(k.slug for k in syllabus() if k != this)
    return Tree("suspect", ROOT, others, {this.slug: Source(mistake.source, this.mistakes)})


def fixtures(item, module, source: str) -> dict:
    """Give a test what it asks for, with a module in the place of the accused."""
    known = item.funcargs["kata"]._record
    record = Record(known.shortcuts, known.callables, every=True)
    uses_of_it = ((name, None) for name in shortcuts_of(source, record))
    changed = {"kata": Accused(module, "", record), "shortcuts": uses_of_it}
    given = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    return {name: changed.get(name, value) for name, value in given.items()}


def shortcuts_of(source: str, record: Record) -> Iterator[str]:
    yield from (use.name for use in uses(source, record.shortcuts))
    yield from sorted(record.operators)


def trace(test: Callable, given: dict, example: dict) -> Trace:
    """Run a test once. Return all calls it made, and what it raised."""
    seed()
    raised = ""
    try:
        test(**given, **example)
    except Exception as error:
        raised = f"{type(error).__name__} {error}"
    return list(given["kata"]._record.calls), raised


def same(one: Trace, other: Trace) -> bool:
    """Say whether two runs of a test made the same calls, got the same, and ended alike."""
    calls = zip_longest(one[0], other[0])
    return all(a and b and alike_calls(a, b) for a, b in calls) and alike_texts(one[1], other[1])


def alike_calls(one: Call, other: Call) -> bool:
    return one.text == other.text and one.raised == other.raised and alike(one.result, other.result)


def alike_texts(one: str, other: str) -> bool:
    """Compare two texts, the numbers in them by their values."""
    if NUMBER.sub("", one) != NUMBER.sub("", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=1e-2) for a, b in pairs)


def alike(one, other) -> bool:
    """Compare two results, numbers up to rounding. What is no data is known by its calls."""
    if not plain(one) and not plain(other):
        return True
    if type(one) is not type(other):
        return False
    if hasattr(one, "dtype"):
        return alike_arrays(one, other)
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=RTOL, abs_tol=ATOL) or str(one) == str(other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def alike_arrays(one, other) -> bool:
    import torch

    if one.dtype != other.dtype or tuple(one.shape) != tuple(other.shape):
        return False
    one, other = (torch.as_tensor(value).detach() for value in (one, other))
    if one.is_floating_point():
        return torch.allclose(one.double(), other.double(), RTOL, ATOL, equal_nan=True)
    return torch.equal(one, other)
