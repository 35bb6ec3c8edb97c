"""spec/attention/softmax.md, clause by clause."""

from math import exp, inf

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.tensor_laws import assert_keeps_type, assert_same_gradients, pull_back
from tests.tensors import distinct, kinds, random, seeds, sizes, some, tensor

axes = st.integers(-3, 2)


def share(scores):
    """Work one slice out by the formula; the largest score is taken off, as an exact identity."""
    top = max(scores)
    parts = [0.0 if score == -inf else exp(score - top) for score in scores]
    total = sum(parts)
    return [part / total if total else 0.0 for part in parts]


def by_the_definition(x, dim=-1):
    """Work every slice out by itself."""
    moved = x.movedim(dim, -1)
    rows = [share(row) for row in moved.reshape(-1, moved.shape[-1]).tolist()]
    return torch.tensor(rows, dtype=x.dtype).reshape(moved.shape).movedim(-1, dim)


def differentiable(x, dim=-1):
    """Write the formula out, for scores that do not overflow."""
    e = x.exp()
    return e / e.sum(dim, keepdim=True)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, shape=distinct(3), dim=axes)
@example(seed=0, kind="normal", shape=(3, 3, 3), dim=1)
def test_it_agrees_with_the_definition(kata, seed, kind, shape, dim):
    x = tensor(seed, *shape, kind=kind)
    assert_close(kata.softmax(x, dim), by_the_definition(x, dim))


@given(seed=seeds, shape=distinct(3), dim=axes)
@example(seed=0, shape=(3, 4, 5), dim=-1)
def test_the_shares_add_up_to_one(kata, seed, shape, dim):
    shares = kata.softmax(tensor(seed, *shape), dim=dim)
    assert_holds(bool((shares >= 0).all()), "returned a negative share, or nan", shares)
    total = shares.sum(dim).flatten()
    worst = total[(total - 1).abs().argmax()].item()
    told = f"returned shares that add up to {worst:.9g} along axis {dim}"
    assert_holds(abs(worst - 1) < 1e-9, told, shares)


@given(seed=seeds, shape=distinct(3), dim=axes)
@example(seed=0, shape=(3, 3, 3), dim=0)
def test_any_axis_can_be_the_one(kata, seed, shape, dim):
    x = tensor(seed, *shape)
    last = kata.softmax(x.movedim(dim, -1), -1).movedim(-1, dim)
    assert_close(kata.softmax(x, dim), last)


def test_any_axis_can_be_the_one__the_last_by_default(kata):
    x = tensor(0, 3, 4, 5)
    last = kata.softmax(x, 2)
    assert_close(kata.softmax(x), last)
    assert_close(kata.softmax(x[2, 1]), last[2, 1])
    assert_equal(kata.softmax(torch.zeros(0, 3)), torch.zeros(0, 3))


@given(seed=seeds, shape=distinct(2), height=st.sampled_from([1.0, 30.0, 1e4]))
@example(seed=0, shape=(2, 3), height=1e4)
def test_only_differences_count(kata, seed, shape, height):
    x = tensor(seed, *shape, kind="integers")
    moved = x + height * tensor(seed + 1, shape[0], 1).sign()
    assert_close(kata.softmax(moved), by_the_definition(x))


@given(seed=seeds, n=sizes, dim=st.sampled_from([0, 1]))
def test_a_difference_of_scores_is_a_ratio_of_shares(kata, seed, n, dim):
    x = tensor(seed, n, n + 1)
    shares = kata.softmax(x, dim)
    logarithms = shares.log().movedim(dim, 0)
    returned, x = logarithms - logarithms[:1], x.movedim(dim, 0)
    found = (returned - (x - x[:1])).abs()
    told = "returned shares whose ratios are not the exponentials of the differences"
    assert_holds(bool((found < 1e-9).all()), told, shares)


@given(seed=seeds, shape=distinct(2), size=st.sampled_from([1e3, 1e8, 1e300]))
@example(seed=0, shape=(2, 3), size=1e3)
def test_large_scores_do_no_harm(kata, seed, shape, size):
    x = size * tensor(seed, *shape)
    assert_close(kata.softmax(x), by_the_definition(x))


def test_large_scores_do_no_harm__each_slice_by_itself(kata):
    x = torch.tensor([[0.0, 1.0], [2000.0, 2001.0], [-2000.0, -2001.0]], dtype=torch.float64)
    assert_close(kata.softmax(x), by_the_definition(x))
    assert_close(kata.softmax(x.T, 0), by_the_definition(x).T)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_a_score_of_minus_infinity_gets_no_share(kata, seed, shape):
    hidden = ~some(seed, *shape)
    hidden[0] = True
    x = tensor(seed, *shape).masked_fill(hidden, -inf)
    shares = kata.softmax(x)
    told = "returned a share for a score of minus infinity"
    assert_holds(bool((shares[hidden] == 0).all()), told, shares)
    assert_close(shares, by_the_definition(x))


def test_a_score_of_minus_infinity_gets_no_share__and_no_gradient(kata):
    hidden = torch.tensor([[True, True, True], [False, True, False]])
    x = tensor(0, 2, 3).masked_fill(hidden, -inf).requires_grad_()
    shares = kata.softmax(x)
    pull_back(shares, tensor(1, 2, 3))
    told = f"has the gradient {x.grad[hidden].tolist()} for scores of minus infinity, not 0"
    assert_holds(bool((x.grad[hidden] == 0).all()), told, shares)
    told = "has a gradient of nan beside scores of minus infinity"
    assert_holds(bool(x.grad.isfinite().all()), told, shares)


def test_half_precision_is_computed_in_single_precision(kata):
    for dtype in (torch.float16, torch.bfloat16):
        for n in (3, 4096):
            x = tensor(n, 2, n, dtype=dtype)
            exact = torch.softmax(x.double(), -1)
            shares = kata.softmax(x)
            close = torch.isclose(shares.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-7)
            told = f"returned {int((~close).sum())} of {close.numel()} shares less exact than"
            assert_holds(bool(close.all()), f"{told} {str(dtype)[6:]} can hold", shares)
            assert_holds(shares.dtype == dtype, f"returned {shares.dtype} for {dtype}", shares)


@given(seed=seeds, shape=distinct(2), dim=st.sampled_from([0, -1]))
@example(seed=0, shape=(3, 4), dim=-1)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, dim):
    assert_same_gradients(kata.softmax, differentiable, tensor(seed, *shape), dim=dim)


def test_the_input_is_left_alone(kata):
    x = torch.randn(3, 4, generator=random(0))
    assert_leaves_alone(kata.softmax, x)
    assert_keeps_type(lambda dtype: kata.softmax, x)


def test_the_work_is_your_own(kata, shortcuts):
    kata.softmax(tensor(0, 3, 4))
    assert_own_work(shortcuts)
