"""spec/embedding/one_hot.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode

from tests.laws import (
    Violation,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.tensor_laws import assert_batches
from tests.tensors import ids, leading, seeds, sizes, tensor

makers = ("arange", "eye", "zeros", "ones", "full", "empty", "tensor", "as_tensor", "from_numpy")
MAKERS = {getattr(torch, name) for name in makers}


class Elsewhere(TorchFunctionMode):
    """Let each tensor that is made without a device lie on another device than the ids.

    One number alone may lie on the CPU: torch mixes it with anything.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        free = function in MAKERS and "device" not in (kwargs or {})
        return made.to("meta") if free and made.dim() else made


def by_the_definition(ids, n, dtype=torch.float32):
    """Write every vector out, entry by entry."""
    rows = [[int(i == one) for i in range(n)] for one in ids.flatten().tolist()]
    return torch.tensor(rows, dtype=dtype).reshape(*ids.shape, n)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, n=sizes, shape=leading)
@example(seed=0, n=5, shape=(3, 2))
def test_it_agrees_with_the_definition(kata, seed, n, shape):
    given = ids(seed, *shape, n=n)
    right = by_the_definition(given, n)
    assert_equal(kata.one_hot(given, n), right)


@given(seed=seeds, n=sizes, shape=leading)
@example(seed=0, n=5, shape=(3,))
@example(seed=0, n=5, shape=())
@example(seed=0, n=5, shape=(2, 0))
def test_the_new_axis_is_the_last(kata, seed, n, shape):
    vectors = kata.one_hot(ids(seed, *shape, n=n), n)
    told = f"returned shape {tuple(vectors.shape)}, not {(*shape, n)}"
    assert_holds(tuple(vectors.shape) == (*shape, n), told, vectors)


def test_the_new_axis_is_the_last__and_no_id_minds_the_others(kata):
    def one_hot(given):
        return kata.one_hot(given.clone(), 5)

    assert_batches(one_hot, ids(0, 4, n=5))
    assert_batches(one_hot, ids(0, 3, 2, n=5))
    assert_batches(one_hot, ids(0, 3, 2, 4, n=5))


@given(seed=seeds, n=sizes)
@example(seed=0, n=5)
def test_every_row_holds_a_single_one(kata, seed, n):
    row = [n - 1, *ids(seed, 4, n=n).tolist()]
    vectors = kata.one_hot(torch.tensor(row), n)
    for one, entries in zip(row, vectors.tolist(), strict=True):
        other = next((entry for entry in entries if entry not in (0, 1)), 0)
        told = f"returned, for the id {one}, a vector with the entry {other:g}"
        assert_holds(other == 0, told, vectors)
        told = f"returned, for the id {one}, a vector with {entries.count(1)} ones"
        assert_holds(entries.count(1) == 1, told, vectors)


@given(seed=seeds, n=sizes)
@example(seed=0, n=5)
def test_the_one_stands_at_the_id(kata, seed, n):
    row = [0, n - 1, *ids(seed, 3, n=n).tolist()]
    vectors = kata.one_hot(torch.tensor(row), n)
    for one, vector in zip(row, vectors, strict=True):
        place = vector.argmax().item()
        told = f"returned, for the id {one}, a vector whose largest entry is at {place}"
        assert_holds(one == place, told, vectors)


@given(seed=seeds, n=sizes)
@example(seed=0, n=5)
def test_different_ids_have_nothing_in_common(kata, seed, n):
    row = ids(seed, 4, n=n).tolist()
    vectors = kata.one_hot(torch.tensor(row), n)
    for one, left in zip(row, vectors, strict=True):
        for other, right in zip(row, vectors, strict=True):
            product = (left * right).sum().item()
            told = f"returned vectors for {one} and {other} whose dot product is {product:g}"
            assert_holds(product == (one == other), told, vectors)


@given(seed=seeds, n=sizes, dim=sizes)
@example(seed=0, n=5, dim=3)
def test_the_product_with_a_table_looks_rows_up(kata, seed, n, dim):
    table, row = tensor(seed, n, dim), ids(seed, 4, n=n).tolist()
    vectors = kata.one_hot(torch.tensor(row), n, dtype=torch.float64)
    found = vectors.double() @ table
    for i, one in enumerate(row):
        told = f"returned vectors whose product with a table has not row {one} for the id {one}"
        assert_holds(torch.equal(found[i], table[one]), told, vectors)


def test_the_type_is_the_one_asked_for(kata):
    right = by_the_definition(torch.tensor([2, 0, 3]), 4)
    assert_equal(kata.one_hot(torch.tensor([2, 0, 3]), 4), right)
    assert_equal(kata.one_hot(torch.tensor([2, 0, 3]), 4, torch.float64), right.double())
    for dtype in (torch.float64, torch.float16, torch.int64, torch.bool):
        assert_equal(kata.one_hot(torch.tensor([2, 0, 3]), 4, dtype=dtype), right.to(dtype))


@given(n=sizes, far=st.sampled_from([0, 1, 99]), before=st.integers(0, 2))
@example(n=4, far=0, before=1)
def test_an_id_outside_is_refused(kata, n, far, before):
    for outside in (-1 - far, n + far):
        row = [0] * before + [outside] + [n - 1] * (2 - before)
        for wrong in (row, [[0] * 3, row], outside):
            with assert_raises(IndexError):
                kata.one_hot(torch.tensor(wrong), n)


def test_the_vectors_lie_where_the_ids_lie(kata):
    given = ids(0, 2, 3, n=4)
    told = "made a tensor on the default device, and not on that of the ids"
    try:
        with Elsewhere():
            vectors = kata.one_hot(given, 4)
    except AssertionError as raised:
        if "device meta" in str(raised):
            raise Violation(None, told) from raised
        if "copy out of meta" in str(raised):
            return  # moved to the ids: right, and the numbers are not there to be seen
        raise
    assert_holds(vectors.device == given.device, told)


def test_the_input_is_left_alone(kata):
    assert_leaves_alone(kata.one_hot, ids(0, 2, 3, n=4), 4)


def test_the_work_is_your_own(kata, shortcuts):
    kata.one_hot(ids(0, 2, 3, n=4), 4)
    assert_own_work(shortcuts)
