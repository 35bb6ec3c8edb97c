"""spec/attention/masks.md, clause by clause."""

from itertools import permutations

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensors import distinct, ids, seeds, some

counts = st.integers(0, 6)
windows = st.integers(1, 8)


def table(t_q, t_k, allowed):
    """Ask about every query and every key."""
    rows = [[allowed(i, j) for j in range(t_k)] for i in range(t_q)]
    return torch.tensor(rows, dtype=torch.bool).reshape(t_q, t_k)


def past(t_q, t_k):
    """List what each query sees: the keys up to its own place, which is counted from the end."""
    seen = [list(range(t_k))[: max(t_k - later, 0)] for later in reversed(range(t_q))]
    return table(t_q, t_k, lambda i, j: j in seen[i])


def kept(lengths, t):
    """List which keys are real: so many, then no more."""
    rows = [([True] * int(n) + [False] * t)[:t] for n in lengths]
    return torch.tensor(rows, dtype=torch.bool).reshape(len(lengths), 1, 1, t)


def window_of(t, window):
    """List the last positions up to each query, itself the last of them."""
    seen = [list(range(i + 1))[-window:] for i in range(t)]
    return table(t, t, lambda i, j: j in seen[i])


def every(masks, shape):
    """Ask all masks about every entry."""
    wide = [mask.expand(shape).reshape(-1).tolist() for mask in masks]
    allowed = [all(entry) for entry in zip(*wide, strict=True)]
    return torch.tensor(allowed, dtype=torch.bool).reshape(shape)


def assert_bool(mask):
    kind = str(mask.dtype)[6:] if hasattr(mask, "dtype") else type(mask).__name__
    assert_holds(kind == "bool", f"returned a mask of the type {kind}, not bool", mask)


def assert_table(mask, t_q, t_k):
    shape = tuple(mask.shape)
    assert_holds(shape == (t_q, t_k), f"returned shape {shape}, not {(t_q, t_k)}", mask)


def assert_never_ahead(mask):
    """Name the first query that sees a key behind it."""
    for i, j in mask.nonzero().tolist():
        says = f"returned a mask in which query {i} sees key {j}, which comes after it"
        assert_holds(j <= i, says, mask)


def assert_sees(mask, i, keys, right):
    """Compare the keys that query i sees."""
    says = f"returned a mask in which query {i} sees the keys {keys}, not {right}"
    assert_holds(keys == right, says, mask)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_a_mask_is_made_of_true_and_false(kata):
    assert_bool(kata.causal_mask(3))
    assert_bool(kata.causal_mask(2, 3))
    assert_bool(kata.padding_mask(torch.tensor([2, 1]), 3))
    assert_bool(kata.sliding_window_mask(3, 2))
    assert_bool(kata.combine(some(0, 3, 3), some(1, 3, 3)))


@given(t=counts)
@example(t=4)
def test_no_query_sees_the_future(kata, t):
    mask = kata.causal_mask(t)
    assert_table(mask, t, t)
    assert_never_ahead(mask)


@given(t=counts)
@example(t=4)
def test_a_query_sees_itself_and_all_of_the_past(kata, t):
    mask = kata.causal_mask(t)
    assert_table(mask, t, t)
    for i in range(t):
        assert_sees(mask, i, [j for j in range(i + 1) if mask[i, j]], list(range(i + 1)))


@given(t_q=counts, t_k=counts)
@example(t_q=2, t_k=4)
@example(t_q=4, t_k=2)
@example(t_q=2, t_k=0)
def test_the_last_query_stands_at_the_last_key(kata, t_q, t_k):
    square = kata.causal_mask(t_k)
    before = torch.zeros(max(t_q - t_k, 0), t_k, dtype=torch.bool)
    mask = kata.causal_mask(t_q, t_k)
    assert_equal(mask, torch.cat([before, square[max(t_k - t_q, 0) :]]))


@given(lengths=st.lists(st.integers(0, 6), max_size=4), t=st.integers(0, 5))
@example(lengths=[2, 0, 3, 1, 9], t=3)
def test_a_token_is_seen_and_padding_is_not(kata, lengths, t):
    mask = kata.padding_mask(torch.tensor(lengths, dtype=torch.int64), t)
    right = kept(lengths, t)
    for row, n in zip(mask.reshape(len(lengths), t).tolist(), lengths, strict=True):
        seen = [j for j in range(t) if row[j]]
        says = f"returned a mask in which the keys {seen} are seen, for a length of {n}"
        assert_holds(seen == list(range(min(n, t))), says, mask)
    if mask.shape == right.shape:
        assert_equal(mask, right)


def test_a_token_is_seen_and_padding_is_not__of_any_integer_type(kata):
    for dtype in (torch.int32, torch.int16, torch.uint8):
        mask = kata.padding_mask(torch.tensor([2, 0, 4], dtype=dtype), 4)
        assert_equal(mask.flatten(), kept([2, 0, 4], 4).flatten())


@given(shape=distinct(2), seed=seeds)
@example(shape=(3, 4), seed=0)
def test_padding_hides_keys_from_all_heads_and_queries(kata, shape, seed):
    B, t = shape
    lengths = ids(seed, B, n=t + 1)
    assert_equal(kata.padding_mask(lengths, t), kept(lengths.tolist(), t))


@given(t=counts, window=windows)
@example(t=4, window=2)
@example(t=4, window=1)
def test_a_window_counts_the_token_itself(kata, t, window):
    mask = kata.sliding_window_mask(t, window)
    assert_table(mask, t, t)
    for i in range(t):
        seen, right = int(mask[i, : i + 1].sum()), min(i + 1, window)
        says = f"returned a mask in which query {i} sees {seen} of the keys up to itself, not"
        assert_holds(seen == right, f"{says} {right}", mask)
        says = f"returned a mask in which query {i} does not see itself"
        assert_holds(bool(mask[i, i]), says, mask)


@given(t=counts, window=windows)
@example(t=5, window=2)
def test_a_window_looks_back_and_never_ahead(kata, t, window):
    mask = kata.sliding_window_mask(t, window)
    assert_table(mask, t, t)
    assert_never_ahead(mask)
    for i in range(t):
        seen = [j for j in range(t) if mask[i, j]]
        assert_sees(mask, i, seen, list(range(i + 1))[i + 1 - len(seen) :])


@given(t=counts, more=st.integers(0, 3))
def test_a_window_looks_back_and_never_ahead__a_wide_one_at_all_of_the_past(kata, t, more):
    whole = kata.causal_mask(t)
    assert_equal(kata.sliding_window_mask(t, t + more or 1), whole)


@given(t=counts, v=windows, w=windows)
@example(t=6, v=2, w=3)
def test_windows_in_two_layers_add_up(kata, t, v, w):
    first, second = kata.sliding_window_mask(t, v).int(), kata.sliding_window_mask(t, w).int()
    assert_equal(kata.sliding_window_mask(t, v + w - 1), second @ first > 0)


def test_a_window_below_one_is_refused(kata):
    for window in (0, -1):
        with assert_raises(ValueError, "window"):
            kata.sliding_window_mask(4, window)


@given(seed=seeds, shape=distinct(2), number=st.integers(1, 4))
@example(seed=0, shape=(3, 4), number=3)
def test_a_pair_is_allowed_if_every_mask_allows_it(kata, seed, shape, number):
    masks = [some(seed + n, *shape) for n in range(number)]
    assert_equal(kata.combine(*(mask.clone() for mask in masks)), every(masks, shape))


def test_a_pair_is_allowed_if_every_mask_allows_it__in_any_order_and_grouping(kata):
    masks = [some(n, 3, 4) for n in range(3)]
    for a, b, c in permutations(masks):
        assert_equal(kata.combine(a.clone(), b, c), every(masks, (3, 4)))
        inner = kata.combine(b.clone(), c)
        assert_equal(kata.combine(a.clone(), inner), every(masks, (3, 4)))


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(2, 3))
def test_masks_are_stretched_to_a_common_shape(kata, seed, shape):
    B, t = shape
    square, padding = some(seed, t, t), some(seed + 1, B, 1, 1, t)
    right = every([square, padding], (B, 1, t, t))
    assert_equal(kata.combine(padding.clone(), square), right)
    assert_equal(kata.combine(square.clone(), padding), right)


def test_none_allows_everything(kata):
    mask, other = some(0, 3, 4), some(1, 3, 4)
    both = every([mask, other], (3, 4))
    for masks in ((None, mask, other), (mask, None, other), (mask, other, None)):
        assert_equal(kata.combine(*masks), both)
    assert_equal(kata.combine(None, mask, None), mask.clone())


def test_none_allows_everything__so_that_without_a_mask_there_is_none(kata):
    for masks in ((), (None,), (None, None)):
        made = kata.combine(*masks)
        told = f"returned {type(made).__name__}, not None, where there is no mask"
        assert_holds(made is None, told, made)


def test_the_mask_of_padding_lies_where_the_lengths_lie(kata):
    assert_stays_on_device(kata.padding_mask, torch.tensor([2, 1]), 3)


def test_the_input_is_left_alone(kata):
    assert_leaves_alone(kata.padding_mask, torch.tensor([2, 0, 7]), 4)
    assert_leaves_alone(kata.combine, some(0, 3, 4), some(1, 3, 4), some(2, 3, 4))


@given(t_q=counts, t_k=counts, window=windows, seed=seeds)
@example(t_q=3, t_k=5, window=2, seed=0)
@example(t_q=5, t_k=3, window=3, seed=0)
def test_it_agrees_with_the_definition(kata, t_q, t_k, window, seed):
    causal, lengths = past(t_q, t_k), ids(seed, 3, n=t_k + 2)
    assert_equal(kata.causal_mask(t_q, t_k), causal)
    assert_equal(kata.causal_mask(t_k), past(t_k, t_k))
    assert_equal(kata.sliding_window_mask(t_k, window), window_of(t_k, window))
    padding = kept(lengths.tolist(), t_k)
    assert_equal(kata.padding_mask(lengths, t_k), padding)
    assert_equal(kata.combine(causal, padding), every([causal, padding], (3, 1, t_q, t_k)))
