"""spec/layers/gelu.md, clause by clause."""

from math import erf, pi, sqrt, tanh

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
    assert_raises,
)
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients, pull_back
from tests.tensors import distinct, kinds, leading, seeds, tensor

MODES = ("none", "tanh")
modes = st.sampled_from(MODES)


def by_torch(x, approximate="none"):
    return torch.nn.functional.gelu(x, approximate=approximate)


def grid(low, high):
    """List a thousand numbers for each unit between two."""
    return torch.linspace(low, high, 1000 * (high - low) + 1, dtype=torch.float64)


def gate(x, approximate):
    """Work the gate out in Python."""
    if approximate == "none":
        return (1 + erf(x / sqrt(2))) / 2
    return (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, before=leading, shape=distinct(2), approximate=modes)
@example(seed=0, kind="normal", before=(), shape=(3, 4), approximate="none")
@example(seed=0, kind="normal", before=(), shape=(3, 4), approximate="tanh")
def test_it_agrees_with_the_definition(kata, seed, kind, before, shape, approximate):
    x = tensor(seed, *before, *shape, kind=kind)
    assert_close(kata.gelu(x, approximate), by_torch(x, approximate))


def test_it_agrees_with_the_definition__from_minus_ten_to_ten(kata):
    for approximate in MODES:
        x = grid(-10, 10)
        assert_close(kata.gelu(x, approximate), by_torch(x, approximate))


@given(seed=seeds, shape=distinct(3), approximate=modes)
@example(seed=0, shape=(2, 3, 4), approximate="none")
def test_each_entry_is_treated_by_itself(kata, seed, shape, approximate):
    x = tensor(seed, *shape)
    for batch in (x, x[0, 0]):
        assert_batches(lambda part: kata.gelu(part.clone(), approximate), batch)


@given(seed=seeds, shape=distinct(2), approximate=modes, size=st.sampled_from([1.0, 0.01, 5.0]))
@example(seed=0, shape=(3, 4), approximate="none", size=1.0)
@example(seed=0, shape=(3, 4), approximate="tanh", size=1.0)
def test_the_outputs_for_x_and_minus_x_differ_by_x(kata, seed, shape, approximate, size):
    x = size * tensor(seed, *shape)
    y = kata.gelu(x, approximate)
    apart = y.detach() - kata.gelu(-x, approximate).detach()
    at = (apart - x).abs().argmax()
    told = f"gave, for {x.flatten()[at]:.4g} and its negative, outputs that differ by "
    told += f"{apart.flatten()[at]:.4g}"
    assert_holds(torch.allclose(apart, x, rtol=1e-9, atol=1e-9), told, y)


def test_at_zero_the_slope_is_one_half(kata):
    for approximate in MODES:
        x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        y = kata.gelu(x, approximate)
        told = f"returned {y[0].item():.4g} for 0"
        assert_holds(bool((y == 0).all()), told, y)
        pull_back(y, torch.ones(3).double())
        told = f"has the slope {x.grad[0].item():.4g} at 0, not 0.5"
        assert_holds(bool(((x.grad - 0.5).abs() < 1e-9).all()), told, y)


def test_it_falls_to_one_minimum_and_rises_from_there(kata):
    for approximate in MODES:
        x = grid(-10, 10)
        y = kata.gelu(x, approximate)
        found = y.argmin()
        told = f"has the minimum {y[found].item():.4f} at {x[found].item():.3f}, "
        told += "not -0.1700 at -0.752"
        good = abs(y[found].item() + 0.17) < 1e-4 and abs(x[found].item() + 0.752) < 2e-3
        assert_holds(good, told, y)
        steps = y.diff()
        steps[:found] *= -1
        wrong = x[:-1][steps < -1e-9].tolist()
        told = f"turns back at {wrong[0] if wrong else 0:.3f}, which is not the minimum"
        assert_holds(not wrong, told, y)


def test_the_two_modes_are_nearly_one(kata):
    x = grid(-10, 10)
    exact = kata.gelu(x, "none").detach()
    y = kata.gelu(x, "tanh")
    apart = (y - exact).abs()
    at = apart.argmax()
    told = f"differs from the exact formula by up to {apart[at].item():.8f}, not 0.00047324"
    assert_holds(abs(apart[at].item() - 0.00047324) < 1e-7, told, y)
    told = f"differs most from the exact formula at {x[at].item():.3f}, not at 2.699 or -2.699"
    assert_holds(abs(abs(x[at].item()) - 2.699) < 0.002, told, y)


def test_large_numbers_pass_or_are_stopped(kata):
    sizes = [10.0, 30.0, 100.0, 1000.0, 10000.0]
    for dtype in (torch.float64, torch.float32):
        for approximate in MODES:
            for sign, slope in ((1, 1.0), (-1, 0.0)):
                x = (sign * torch.tensor(sizes, dtype=dtype)).requires_grad_()
                y = kata.gelu(x, approximate)
                right = x.detach() * slope
                assert_close(y, right)
                pull_back(y, torch.ones(5, dtype=dtype))
                off = [i for i, g in enumerate(x.grad.tolist()) if not abs(g - slope) < 1e-6]
                told = f"has the gradient {x.grad[off[:1]].tolist()} for {x[off[:1]].tolist()}"
                assert_holds(not off, f"{told}, not {slope:.0f}", y)


def test_without_a_choice_the_exact_formula_is_taken(kata):
    x = tensor(0, 3, 4)
    exact = kata.gelu(x, "none").detach()
    assert_close(kata.gelu(x), exact)
    assert_close(kata.gelu(x, approximate="none"), exact)
    for approximate, right in (("none", 0.84134), ("tanh", 0.84119)):
        y = kata.gelu(torch.ones(1), approximate)
        told = f"returned {y.item():.5f} for 1 with approximate={approximate!r}, not {right}"
        assert_holds(abs(y.item() - right) < 5e-5, told, y)


def test_another_approximate_is_refused(kata):
    for unknown in ("sigmoid", "Tanh", "exact"):
        with assert_raises(ValueError, mentions=unknown):
            kata.gelu(torch.ones(3), approximate=unknown)


def test_the_constants_have_all_the_digits_of_the_input(kata):
    for approximate in MODES:
        x = grid(-3, 3)[::100]
        right = torch.tensor([v * gate(v, approximate) for v in x.tolist()], dtype=torch.float64)
        y = kata.gelu(x, approximate)
        worst = (y - right).abs().max().item()
        told = f"is off by up to {worst:.2g} with approximate={approximate!r}"
        assert_holds(worst <= 1e-12, f"{told}, for an input of float64", y)


@given(seed=seeds, shape=distinct(2), approximate=modes)
@example(seed=0, shape=(3, 4), approximate="none")
@example(seed=0, shape=(3, 4), approximate="tanh")
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, approximate):
    assert_same_gradients(kata.gelu, by_torch, 2 * tensor(seed, *shape), approximate=approximate)


def test_the_input_is_left_alone(kata):
    for approximate in MODES:
        assert_leaves_alone(kata.gelu, tensor(0, 3, 4), approximate)
        x = tensor(0, 3, 4)
        y = kata.gelu(x, approximate)
        y.mul_(0)
        assert_equal(x, tensor(0, 3, 4))
        assert_keeps_type(lambda dtype: kata.gelu, x, approximate=approximate)


def test_the_work_is_your_own(kata, shortcuts):
    for approximate in MODES:
        kata.gelu(tensor(0, 3, 4), approximate)
    assert_own_work(shortcuts)
