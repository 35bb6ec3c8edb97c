"""spec/data/sliding_windows.md, clause by clause."""

from functools import partial
from itertools import pairwise

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)

sizes = st.integers(1, 5)
more = st.integers(1, 8)  # ids beyond the first window
hard = st.sampled_from([0, 127, 128, 255, 256, 32767, 32768, 50256, 65535])
kinds = [
    list,
    tuple,
    torch.tensor,
    np.array,
    partial(torch.tensor, dtype=torch.int32),
    partial(np.array, dtype=np.uint16),
]


def tens(length):
    """List 0, 10, 20 and so on: ids that show where they came from."""
    return [10 * i for i in range(length)]


def by_the_definition(ids, context, stride):
    """Count out every entry."""
    rows = [i for i in range(len(ids)) if i * stride + context < len(ids)]
    inputs = [[ids[i * stride + j] for j in range(context)] for i in rows]
    targets = [[ids[i * stride + j + 1] for j in range(context)] for i in rows]
    return [torch.tensor(w, dtype=torch.int64).reshape(-1, context) for w in (inputs, targets)]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@settings(max_examples=50)
@given(ids=st.lists(hard, max_size=12), context=sizes, stride=sizes)
@example(ids=[5, 1, 4, 1, 3, 2], context=2, stride=3)
def test_it_agrees_with_the_definition(kata, ids, context, stride):
    inputs, targets = by_the_definition(ids, context, stride)
    returned = kata.sliding_windows(ids, context, stride)
    assert_equal(returned[0], inputs)
    assert_equal(returned[1], targets)
    assert_holds(len(returned) == 2, f"returned {len(returned)} tensors, not 2")


@given(context=sizes, stride=sizes, more=more)
@example(context=2, stride=1, more=2)
def test_the_target_is_the_input_one_step_later(kata, context, stride, more):
    ids = tens(context + more)
    follows = dict(pairwise(ids))
    inputs, targets = kata.sliding_windows(ids, context, stride)
    for x, y in zip(inputs.flatten().tolist(), targets.flatten().tolist(), strict=False):
        told = f"gave the input {x} the target {y}; what follows {x} is {follows.get(x, 'nothing')}"
        assert_holds(follows.get(x) == y, told)


@given(context=sizes, stride=sizes, more=more)
@example(context=2, stride=3, more=7)
def test_windows_start_one_stride_apart(kata, context, stride, more):
    ids = tens(context + more)
    inputs, _ = kata.sliding_windows(ids, context, stride)
    starts, right = inputs[:, 0].tolist(), ids[::stride][: len(inputs)]
    assert_holds(starts == right, f"starts its windows with {starts}, not with {right}")


@given(context=sizes, stride=sizes, more=more)
@example(context=4, stride=1, more=2)
@example(context=2, stride=2, more=3)
@example(context=2, stride=4, more=5)
def test_every_window_that_fits_is_there(kata, context, stride, more):
    ids = tens(context + more)
    fit = [ids[s] for s in range(0, len(ids), stride) if s + context < len(ids)]
    for rows in kata.sliding_windows(ids, context, stride):
        told = f"returned tensors of length {len(rows)}; {len(fit)} windows fit, from {fit} on"
        assert_holds(len(rows) == len(fit), told)


@given(context=sizes, more=more)
@example(context=3, more=5)
def test_a_stride_of_one_context_shows_each_target_once(kata, context, more):
    ids = tens(context + more)
    count = (len(ids) - 1) // context
    _, targets = kata.sliding_windows(ids, context, context)
    shown, right = targets.flatten().tolist(), ids[1 : 1 + count * context]
    assert_holds(shown == right, f"showed the targets {shown}, not {right}")


@given(ids=st.lists(hard, min_size=3, max_size=5))
@example(ids=[127, 128, 255, 256])
@example(ids=[32767, 32768, 50256, 65535])
def test_every_id_arrives_unchanged_as_int64(kata, ids):
    for kind in kinds:
        inputs, targets = kata.sliding_windows(kind(ids), 2, 1)
        assert_equal(inputs, by_the_definition(ids, 2, 1)[0])
        assert_equal(targets, by_the_definition(ids, 2, 1)[1])


def test_every_id_arrives_unchanged_as_int64__even_a_large_one(kata):
    inputs, _ = kata.sliding_windows([2**24 + 1, 2**40 + 1, 0], 2, 1)
    assert_equal(inputs, torch.tensor([[2**24 + 1, 2**40 + 1]]))


@given(context=sizes, stride=sizes, missing=st.integers(0, 5))
@example(context=3, stride=1, missing=3)
@example(context=3, stride=2, missing=0)
def test_too_few_ids_give_no_windows(kata, context, stride, missing):
    for kind in kinds:
        ids = kind(range(max(context - missing, 0)))
        inputs, targets = kata.sliding_windows(ids, context, stride)
        assert_equal(inputs, torch.empty(0, context, dtype=torch.int64))
        assert_equal(targets, torch.empty(0, context, dtype=torch.int64))


def test_the_windows_are_copies(kata):
    for kind in (torch.tensor, np.array):
        ids = kind(tens(5))
        inputs, targets = kata.sliding_windows(ids, 3, 1)
        told = "returned inputs that share memory: writing to a window changed"
        inputs[0, 1] = -1
        assert_holds(ids.tolist() == tens(5), f"{told} the ids")
        assert_holds(inputs[1].tolist() == [10, 20, 30], f"{told} another window")
        assert_holds(targets[0].tolist() == [10, 20, 30], f"{told} the targets")


def test_the_windows_are_copies__and_so_are_the_targets(kata):
    for kind in (torch.tensor, np.array):
        ids = kind(tens(5))
        _, targets = kata.sliding_windows(ids, 3, 1)
        told = "returned targets that share memory: writing to a window changed"
        targets[0, 1] = -1
        assert_holds(ids.tolist() == tens(5), f"{told} the ids")
        assert_holds(targets[1].tolist() == [20, 30, 40], f"{told} another window")


def test_the_windows_are_copies__and_the_ids_are_left_alone(kata):
    assert_leaves_alone(kata.sliding_windows, [3, 1, 2, 0], 2, 1)


@given(wrong=st.integers(-3, 0), right=sizes, length=st.integers(0, 9))
@example(wrong=0, right=1, length=4)
def test_sizes_below_one_are_refused(kata, wrong, right, length):
    with assert_raises(ValueError, mentions="context"):
        kata.sliding_windows(tens(length), wrong, right)
    with assert_raises(ValueError, mentions="stride"):
        kata.sliding_windows(tens(length), right, wrong)
