"""What reading on may cost, and what a first look at its results tells."""

from math import log, sqrt

from tests.counting import costs
from tests.laws import assert_holds


def few(model, batch, past, T):
    """Count the multiplications of a small GPT that reads T new ids after those it has read."""
    d, blocks = model.config.d_model, len(model.blocks)
    new = blocks * (4 + 6) * d * d + len(model.head.weight) * d  # attention, mlp, and the head
    return batch * T * (new + blocks * 2 * (past + T) * d)


def assert_few(call, most, of):
    """Assert that a call makes no more multiplications than are needed, of what it reads."""
    __tracebackhide__ = True
    n = costs(call).multiplications
    assert_holds(n <= most, f"multiplied {n} times for {of}; {most} are enough")


def assert_root(share, length):
    """Assert what a score of d_head was divided by, whose key got this share, and 0 the rest."""
    __tracebackhide__ = True
    root = 1 / log(share / (1 - share)) if 0.5 < share < 1 else float("inf")
    told = f"divided the scores by {root:.4g}, where d_head is {length} and its root"
    assert_holds(abs(root - sqrt(length)) < 1e-6, f"{told} {sqrt(length):.4g}")


def assert_row(model, scores, token, past):
    """Assert with which row of positions a token was read, where blocks change nothing."""
    __tracebackhide__ = True
    rows = model.tok(token) + model.pos.weight
    near = int((scores - model.head(model.ln_f(rows))).abs().sum(-1).argmin())
    told = f"read token {past} with row {near} of `pos.weight`: {past} were kept"
    assert_holds(near == past, told, scores)
