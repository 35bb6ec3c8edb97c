"""spec/embedding/alibi.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_close, assert_examples, assert_holds, assert_raises
from tests.tensors import distinct, seeds, tensor

powers = st.sampled_from([2, 1, 4, 8, 16, 64])
between = st.sampled_from([3, 6, 12, 5, 7, 20, 25])
heads = st.one_of(powers, between)
lengths = st.sampled_from([4, 3, 5, 1, 9])
SINGLE = 3e-7  # slope and product are rounded to float32, each to 6e-8 of its size


def slopes_of(n_heads):
    """Take slopes from powers of 1/2: of the power of two below, then of twice as many."""
    power = 1
    while 2 * power <= n_heads:
        power *= 2
    first = [0.5 ** (8 * h / power) for h in range(1, power + 1)]
    twice = [0.5 ** (8 * h / (2 * power)) for h in range(1, 2 * power + 1)]
    return first + twice[::2][: n_heads - power]


def by_the_definition(n_heads, t_q, t_k):
    """Work every entry out by itself: how many steps the key lies ahead, times the slope."""
    bias = torch.zeros(n_heads, t_q, t_k, dtype=torch.float64)
    for h, slope in enumerate(slopes_of(n_heads)):
        for i in range(t_q):
            for j in range(t_k):
                bias[h, i, j] = slope * ((t_q - 1 - i) - (t_k - 1 - j))
    return bias


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(n=heads, t=distinct(2))
@example(n=3, t=(3, 5))
@example(n=6, t=(5, 3))
@example(n=2, t=(0, 3))
@example(n=2, t=(3, 0))
@example(n=12, t=(1, 200))
@example(n=1, t=(1, 5000))
def test_it_agrees_with_the_definition(kata, n, t):
    bias = kata.alibi_bias(n, *t)
    assert_close(bias.double(), by_the_definition(n, *t), rtol=SINGLE)


@given(n=heads, t=lengths)
@example(n=2, t=4)
def test_its_own_place_costs_nothing(kata, n, t):
    bias = kata.alibi_bias(n, t, t)
    found = bias.diagonal(dim1=-2, dim2=-1).abs()
    at = int(found.flatten().argmax())
    told = f"gave query {at % t} a bias of {bias[at // t, at % t, at % t]:.6g} for key {at % t}"
    assert_holds(bool((found == 0).all()), f"{told}, at its own place", bias)


@given(n=heads, t=lengths)
@example(n=2, t=4)
@example(n=1, t=300)
def test_one_step_back_costs_one_slope(kata, n, t):
    slopes = kata.alibi_slopes(n).double().detach()
    bias = kata.alibi_bias(n, t, t)
    grows = bias.double().detach().diff(dim=-1)
    right = slopes[:, None, None].expand_as(grows)
    wrong = ((grows - right).abs() > 2 * t * SINGLE * right.abs()).nonzero().tolist()
    for h, i, j in wrong[:1]:
        told = f"gave head {h}, query {i}, a bias that grows from key {j} to key {j + 1} by"
        told = f"{told} {grows[h, i, j]:.6g}; its slope is {slopes[h]:.6g}"
        assert_holds(False, told, bias)


@given(n=heads, t=distinct(2))
@example(n=1, t=(2, 5))
@example(n=1, t=(5, 2))
@example(n=8, t=(1, 4))
def test_the_last_query_stands_at_the_last_key(kata, n, t):
    t_q, t_k = t
    square = kata.alibi_bias(n, max(t), max(t)).detach()
    returned = kata.alibi_bias(n, t_q, t_k)
    for h in range(n):
        right = square[h, max(t) - t_q :, max(t) - t_k :]
        assert_close(returned[h], right, rtol=SINGLE)


@given(n=heads, t=distinct(2))
@example(n=2, t=(4, 5))
def test_only_the_distance_counts(kata, n, t):
    bias = kata.alibi_bias(n, *t)
    for h in range(n):
        for i in range(1, t[0]):
            off = (bias[h, i, 1:] - bias[h, i - 1, :-1]).abs()
            told = f"gave head {h} a row {i} that is not row {i - 1}, moved to the right by one"
            assert_holds(bool((off < 1e-6).all()), told, bias)


@given(seed=seeds, n=heads, t=distinct(2))
@example(seed=0, n=2, t=(3, 5))
def test_a_constant_in_a_row_changes_no_share(kata, seed, n, t):
    scores = tensor(seed, n, *t)
    bias = kata.alibi_bias(n, *t).double()
    steep = kata.alibi_slopes(n).double()[:, None, None] * torch.arange(t[1])
    right = torch.softmax(scores + steep, -1)
    off = (torch.softmax(scores + bias, -1) - right).abs().max().item()
    told = "returned a bias whose shares are not those of the slope times the position of the key"
    assert_holds(off < 1e-5, f"{told}: off by {off:.3g}", bias)


@given(n=powers)
@example(n=8)
def test_the_slopes_of_a_power_of_two_are_geometric(kata, n):
    assert_slopes(kata.alibi_slopes(n), [2 ** (-8 * (h + 1) / n) for h in range(n)])


@given(n=between)
@example(n=3)
@example(n=6)
@example(n=12)
def test_other_numbers_of_heads_borrow_from_twice_as_many(kata, n):
    assert_slopes(kata.alibi_slopes(n), slopes_of(n))


def assert_slopes(slopes, right):
    """Assert that the slopes are these, and name the first that is not."""
    told = f"returned {len(slopes)} slopes, not {len(right)}"
    assert_holds(tuple(slopes.shape) == (len(right),), told, slopes)
    for h, (found, slope) in enumerate(zip(slopes.tolist(), right, strict=True)):
        told = f"returned {found:.6g} for slope {h} of {len(right)}, not {slope:.6g}"
        assert_holds(abs(found - slope) <= SINGLE * slope, told, slopes)


def test_slopes_and_bias_are_float32_and_learn_nothing(kata):
    for made, shape in ((kata.alibi_slopes(6), (6,)), (kata.alibi_bias(6, 2, 3), (6, 2, 3))):
        found = tuple(made.shape)
        assert_holds(found == shape, f"returned shape {found}, not {shape}", made)
        told = f"returned {str(made.dtype)[6:]}, not float32"
        assert_holds(made.dtype == torch.float32, told, made)
        assert_holds(not made.requires_grad, "returned a tensor that asks for a gradient", made)


def test_fewer_heads_than_one_are_refused(kata):
    for n in (0, -1, -8):
        with assert_raises(ValueError, mentions="n_heads"):
            kata.alibi_slopes(n)
        with assert_raises(ValueError, mentions="n_heads"):
            kata.alibi_bias(n, 2, 3)
