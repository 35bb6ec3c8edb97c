"""spec/attention/softmax_jacobian.md, clause by clause.

What is up to chance is judged with bounds of 6 standard deviations or more, for fixed generators.
"""

from math import sqrt

import torch
from hypothesis import example, given

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import kinds, leading, random, seeds, sizes, tensor

drawn = given(seed=seeds, n=sizes, kind=kinds)
NUMBERS = {4: 1000, 64: 1000, 1024: 300}  # d_k, and how many queries: enough, and soon drawn
SHARES = {4: (0.426, 0.234), 64: (0.843, 0.245), 1024: (0.961, 0.246)}  # raw and scaled; of
NORMS = {4: (0.322, 0.297), 64: (0.178, 0.304), 1024: (0.053, 0.305)}  # 20,000 queries or so


def shares(seed, *shape, kind="normal"):
    return tensor(seed, *shape, kind=kind).softmax(-1)


def by_the_definition(p):
    """Write every entry out by the formula."""
    every = range(p.shape[-1])
    rows = [
        torch.stack([p[..., i] * (float(i == j) - p[..., j]) for j in every], -1) for i in every
    ]
    return torch.stack(rows, -2)


def assert_zero(sums, told, jacobian):
    worst = sums.flatten()[sums.abs().argmax()].item()
    assert_holds(abs(worst) < 1e-9, f"{told} {worst:.4g}, not to 0", jacobian)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, n=sizes, before=leading, kind=kinds)
@example(seed=0, n=3, before=(2, 4), kind="normal")
def test_it_agrees_with_the_definition(kata, seed, n, before, kind):
    x = tensor(seed, *before, n, kind=kind)
    flat = [
        torch.autograd.functional.jacobian(lambda row: row.softmax(-1), row)
        for row in x.reshape(-1, n)
    ]
    right = torch.stack(flat).reshape(*x.shape, n) if flat else x.new_zeros(*x.shape, n)
    assert_close(kata.softmax_jacobian(x.softmax(-1)), right)


@drawn
@example(seed=0, n=3, kind="normal")
def test_what_one_share_gains_the_others_lose(kata, seed, n, kind):
    jacobian = kata.softmax_jacobian(shares(seed, n, kind=kind))
    assert_zero(jacobian.sum(-2), "returned a column that adds up to", jacobian)


@drawn
@example(seed=0, n=3, kind="normal")
def test_raising_all_scores_alike_changes_nothing(kata, seed, n, kind):
    jacobian = kata.softmax_jacobian(shares(seed, n, kind=kind))
    assert_zero(jacobian.sum(-1), "returned a row that adds up to", jacobian)


@drawn
@example(seed=0, n=3, kind="normal")
def test_a_score_raises_its_own_share(kata, seed, n, kind):
    p = shares(seed, n, kind=kind)
    right = p * (1 - p)
    jacobian = kata.softmax_jacobian(p)
    own = jacobian.diagonal(dim1=-2, dim2=-1)
    least = own.min().item()
    assert_holds(least >= -1e-12, f"returned {least:.4g} on the diagonal, below 0", jacobian)
    most = (jacobian - own.diag_embed()).max().item()
    assert_holds(most <= 1e-12, f"returned {most:.4g} off the diagonal, above 0", jacobian)
    assert_close(own, right)


@drawn
@example(seed=0, n=3, kind="normal")
def test_two_scores_act_on_each_other_alike(kata, seed, n, kind):
    jacobian = kata.softmax_jacobian(shares(seed, n, kind=kind))
    off = (jacobian - jacobian.mT).abs().max().item()
    told = f"returned entries i, j and j, i that differ by {off:.4g}"
    assert_holds(off < 1e-12, told, jacobian)


@drawn
@example(seed=0, n=3, kind="normal")
def test_nothing_is_stretched_by_more_than_a_half(kata, seed, n, kind):
    jacobian = kata.softmax_jacobian(shares(seed, n, kind=kind))
    values = torch.linalg.eigvalsh(jacobian)
    for value in (values.min().item(), values.max().item()):
        told = f"returned a matrix with the eigenvalue {value:.4g}"
        assert_holds(-1e-9 <= value <= 0.5 + 1e-9, told, jacobian)


def test_nothing_is_stretched_by_more_than_a_half__and_by_a_half_at_two_halves(kata):
    p = torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
    jacobian = kata.softmax_jacobian(p)
    most = torch.linalg.eigvalsh(jacobian).max().item()
    told = f"returned a matrix with the largest eigenvalue {most:.4g}, not 0.5"
    assert_holds(abs(most - 0.5) < 1e-9, told, jacobian)


@drawn
@example(seed=0, n=3, kind="equal")
def test_equal_shares_give_the_largest_trace(kata, seed, n, kind):
    p = shares(seed, n, kind=kind)
    right = 1 - p.square().sum().item()
    jacobian = kata.softmax_jacobian(p)
    trace = jacobian.diagonal(dim1=-2, dim2=-1).sum().item()
    told = f"returned a matrix with the trace {trace:.6g}, not {right:.6g}"
    assert_holds(abs(trace - right) < 1e-9, told, jacobian)
    equal = torch.full((n,), 1 / n, dtype=torch.float64)
    assert_close(kata.softmax_jacobian(equal), (torch.eye(n).double() - 1 / n) / n)


def test_a_single_winner_leaves_no_derivative(kata):
    for n in (1, 2, 5):
        jacobian = kata.softmax_jacobian(torch.eye(n, dtype=torch.float64)[n // 2])
        worst = jacobian.abs().max().item()
        assert_holds(worst == 0, f"returned an entry of {worst:.4g} for a share of 1", jacobian)
    p = torch.tensor([0.25, 0.0, 0.75], dtype=torch.float64)
    jacobian = kata.softmax_jacobian(p)
    worst = max(jacobian[1].abs().max().item(), jacobian[:, 1].abs().max().item())
    assert_holds(worst == 0, f"returned an entry of {worst:.4g} for a share of 0", jacobian)


def stats(kata, d_k, scaled, seed=0, n=None):
    return kata.score_stats(d_k, n or NUMBERS[d_k], scaled, generator=random(seed))


def assert_variance(kata, d_k, scaled, n, seed=0):
    """Assert the variance; that of the mean of n * 16 squares follows from the normal law."""
    right = 1.0 if scaled else float(d_k)
    spread = sqrt((2 / d_k + (1 + 2 / d_k) / 8) / n)
    found = stats(kata, d_k, scaled, seed, n)["var"]
    told = f"measured the variance {found:.4g}, where {right:.4g} is right"
    assert_holds(abs(found / right - 1) < 6 * spread, told)


def test_a_dot_product_has_the_variance_d_k(kata):
    for d_k, n in NUMBERS.items():
        assert_variance(kata, d_k, False, n)


def test_a_dot_product_has_the_variance_d_k__over_keys_of_its_own(kata):
    for seed in range(6):  # 16 keys for all would give a variance that is another for each seed
        assert_variance(kata, 1, False, 2000, seed)


def test_the_root_of_d_k_makes_the_variance_one(kata):
    for d_k, n in NUMBERS.items():
        assert_variance(kata, d_k, True, n)


def assert_measured(kata, what, table, bound):
    """Assert a number for each d_k, raw and scaled."""
    for d_k, both in table.items():
        for scaled, right in zip((False, True), both, strict=True):
            found = stats(kata, d_k, scaled)[what]
            told = f"measured {found:.3f} as {what}, where {right:.2f} is right"
            assert_holds(abs(found - right) < bound, told)


def test_without_the_root_one_key_takes_all(kata):
    assert_measured(kata, "mean_max_prob", SHARES, 0.05)


def test_without_the_root_the_jacobian_vanishes(kata):
    assert_measured(kata, "mean_jacobian_norm", NORMS, 0.04)


def test_the_stats_are_three_floats(kata):
    names = ["mean_jacobian_norm", "mean_max_prob", "var"]
    for scaled in (False, True):
        found = stats(kata, 4, scaled, n=5)
        assert_holds(sorted(found) == names, f"returned a dict of {sorted(found)}", found)
        kind = {type(value).__name__ for value in found.values()}
        assert_holds(kind == {"float"}, f"returned a dict of values of type {sorted(kind)}", found)


def test_all_chance_comes_from_the_generator(kata):
    before, generator = torch.get_rng_state(), random(0)
    first = kata.score_stats(4, 30, True, generator)
    second = kata.score_stats(4, 30, True, generator)
    again, other = stats(kata, 4, True, n=30), stats(kata, 4, True, seed=1, n=30)
    assert_holds(again == first, "gave other numbers for a generator of the same seed")
    assert_holds(other != first, "gave the same numbers for a generator of another seed")
    assert_holds(second != first, "gave the same numbers again for a generator used before")
    left = torch.equal(torch.get_rng_state(), before)
    assert_holds(left, "drew from torch's own generator, or seeded it")


@given(seed=seeds, n=sizes)
@example(seed=0, n=3)
def test_any_leading_axes_are_a_batch(kata, seed, n):
    for before in ((2,), (4, 2), (1, 3, 2)):
        assert_batches(kata.softmax_jacobian, shares(seed, *before, n))


@given(seed=seeds, n=sizes)
@example(seed=0, n=3)
def test_the_gradient_is_that_of_the_definition(kata, seed, n):
    assert_same_gradients(kata.softmax_jacobian, by_the_definition, shares(seed, 2, n))


def test_the_input_is_left_alone(kata):
    p = shares(0, 3)
    assert_leaves_alone(kata.softmax_jacobian, p)
    assert_keeps_type(lambda dtype: kata.softmax_jacobian, p)
    assert_stays_on_device(kata.softmax_jacobian, p)


def test_the_work_is_your_own(kata, shortcuts):
    kata.softmax_jacobian(shares(0, 3))
    stats(kata, 4, True, n=5)
    assert_own_work(shortcuts)
