"""The examples that a test has met: the latest ones, as they were before the test had them."""

import pickle
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

LATEST = 24  # examples of a test that are remembered


@contextmanager
def noted(item, room: int | None = LATEST):
    """Keep the arguments of the latest examples that a test meets, as they were before it."""
    item.met = deque(maxlen=room)
    if not hasattr(item.obj, "hypothesis"):
        item.met.append(pickle.dumps({}))
        yield
        return
    test = item.obj.hypothesis.inner_test

    def noting(**arguments):
        drawn = {k: v for k, v in arguments.items() if k not in item.funcargs}
        item.met.append(pickle.dumps(drawn))
        test(**arguments)

    noting.noted = test
    item.obj.hypothesis.inner_test = noting
    try:
        yield
    finally:
        item.obj.hypothesis.inner_test = test


def plain_test(test):
    """Return the function that takes an example, of a test as it is written."""
    inner = test.hypothesis.inner_test if hasattr(test, "hypothesis") else test
    return getattr(inner, "noted", inner)


def met(item) -> Iterator[dict]:
    """Make the arguments of the latest examples anew."""
    return map(pickle.loads, item.met)
