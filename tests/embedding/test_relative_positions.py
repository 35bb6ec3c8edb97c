"""spec/embedding/relative_positions.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds
from tests.tensors import distinct, sizes

limits = st.sampled_from([2, 1, 3, 7, 0])
above_zero = st.sampled_from([2, 1, 3, 7])
lengths = st.sampled_from([4, 5, 3, 9, 1])


def way(i, j, t_q, t_k):
    """Count the steps from a query to a key: the last of both stand at one place."""
    return (t_q - 1 - i) - (t_k - 1 - j)


def by_the_definition(t_q, t_k, limit):
    """Work every pair out by itself: look its way up in the list of ways, the far ones cut."""
    ids = torch.zeros(t_q, t_k, dtype=torch.int64)
    for i in range(t_q):
        for j in range(t_k):
            steps = way(i, j, t_q, t_k)
            near = [d for d in range(-limit, limit + 1) if abs(d) <= abs(steps) and d * steps >= 0]
            ids[i, j] = limit + max(near, key=abs)
    return ids


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(t=distinct(2), limit=limits)
@example(t=(3, 5), limit=2)
@example(t=(5, 3), limit=1)
@example(t=(0, 3), limit=2)
@example(t=(3, 0), limit=2)
@example(t=(1, 9), limit=20)
def test_it_agrees_with_the_definition(kata, t, limit):
    assert_equal(kata.relative_positions(*t, limit), by_the_definition(*t, limit))


@given(t=lengths, limit=limits)
@example(t=4, limit=2)
def test_its_own_place_is_max_distance(kata, t, limit):
    ids = kata.relative_positions(t, t, limit)
    found = ids.diagonal().tolist()
    told = f"returned the ids {found} on the diagonal, not {limit} throughout"
    assert_holds(found == [limit] * t, told, ids)


@given(t=lengths, limit=above_zero)
@example(t=4, limit=2)
@example(t=3, limit=1)
def test_keys_behind_have_the_smaller_ids(kata, t, limit):
    ids = kata.relative_positions(t, t, limit)
    for i in range(t):
        for j in range(t):
            if 0 < abs(j - i) <= limit:
                found, side = int(ids[i, j]), "ahead of" if j > i else "behind"
                told = f"gave key {j}, which lies {side} query {i}, the id {found};"
                right = found > limit if j > i else found < limit
                assert_holds(right, f"{told} {limit} is its own place", ids)


@given(t=lengths, limit=above_zero)
@example(t=4, limit=2)
@example(t=5, limit=7)
def test_one_step_further_is_one_id_more(kata, t, limit):
    ids = kata.relative_positions(t, t, limit)
    for i in range(t):
        for j in range(max(0, i - limit), min(t - 1, i + limit)):
            here, there = int(ids[i, j]), int(ids[i, j + 1])
            told = f"gave query {i} the id {here} for key {j} and {there} for key {j + 1}"
            assert_holds(there == here + 1, told, ids)


@given(t=lengths, limit=limits)
@example(t=5, limit=2)
@example(t=5, limit=0)
def test_beyond_the_limit_all_ways_are_one(kata, t, limit):
    ids = kata.relative_positions(t, t, limit)
    for i in range(t):
        for j in range(t):
            if abs(j - i) >= limit:
                found, right = int(ids[i, j]), 2 * limit if j > i else 0
                where = f"{abs(j - i)} {'ahead of' if j > i else 'behind'} query {i}"
                told = f"gave key {j}, {where}, the id {found}, not {right}"
                assert_holds(found == right, told, ids)


@given(t=distinct(2), limit=limits)
@example(t=(2, 5), limit=2)
@example(t=(5, 2), limit=2)
@example(t=(1, 4), limit=3)
def test_the_last_query_stands_at_the_last_key(kata, t, limit):
    t_q, t_k = t
    square = kata.relative_positions(max(t), max(t), limit)
    right = torch.tensor(square.tolist())[max(t) - t_q :, max(t) - t_k :]
    assert_equal(kata.relative_positions(t_q, t_k, limit).long(), right.long())


@given(t=distinct(2), limit=limits)
@example(t=(4, 5), limit=2)
def test_only_the_distance_counts(kata, t, limit):
    ids = kata.relative_positions(*t, limit)
    for i in range(1, len(ids)):
        told = f"returned a row {i} that is not row {i - 1}, moved to the right by one"
        assert_holds(ids[i].tolist()[1:] == ids[i - 1].tolist()[:-1], told, ids)


@given(t_q=sizes, t_k=st.sampled_from([3, 50, 5]), limit=limits)
@example(t_q=3, t_k=50, limit=2)
@example(t_q=50, t_k=3, limit=2)
def test_every_id_is_a_row_of_the_table(kata, t_q, t_k, limit):
    ids = kata.relative_positions(t_q, t_k, limit)
    assert_holds(ids.dtype == torch.int64, f"returned {str(ids.dtype)[6:]}, not int64", ids)
    low, high = ids.min().item(), ids.max().item()
    told = f"returned ids from {low} to {high}; the table has the rows 0 to {2 * limit}"
    assert_holds(0 <= low <= high <= 2 * limit, told, ids)
