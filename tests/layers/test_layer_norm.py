"""spec/layers/layer_norm.md, clause by clause."""

from math import sqrt

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
from tests.modules import assert_parameters, assert_saved, assert_state_travels, loaded, values
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients, pull_back
from tests.tensors import distinct, kinds, seeds, tensor

scales = st.sampled_from([1.0, 1e-4, 1e3])
epsilons = st.sampled_from([1e-5, 1e-12, 0.1, 1.0])


def shapes(dim):
    return {"weight": (dim,), "bias": (dim,)}


def by_the_definition(parameters, x, eps=1e-5):
    """Work every vector out by the formula."""
    mean = x.sum(-1, keepdim=True) / x.shape[-1]
    variance = ((x - mean) ** 2).sum(-1, keepdim=True) / x.shape[-1]
    return (x - mean) / (variance + eps) ** 0.5 * parameters["weight"] + parameters["bias"]


def plain(dim):
    return {"weight": torch.ones(dim, dtype=torch.float64), "bias": torch.zeros(dim).double()}


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, shape=distinct(3), scale=scales, eps=epsilons)
@example(seed=0, kind="normal", shape=(2, 3, 4), scale=1.0, eps=1.0)
def test_it_agrees_with_the_definition(kata, seed, kind, shape, scale, eps):
    given = values(shapes(shape[-1]), seed)
    norm = loaded(kata.LayerNorm(shape[-1], eps=eps), given)
    x = scale * tensor(seed, *shape, kind=kind)
    assert_close(norm(x), by_the_definition(given, x, eps), atol=1e-8)  # 1 / sqrt(eps) is 1e6


@given(seed=seeds, shape=distinct(2), eps=epsilons)
@example(seed=0, shape=(3, 4), eps=1e-5)
def test_each_vector_gets_mean_zero(kata, seed, shape, eps):
    x = tensor(seed, *shape)
    y = kata.LayerNorm(shape[-1], eps).double()(x)
    worst = y.sum(-1).abs().max().item()
    assert_holds(worst < 1e-9, f"returned a vector whose entries add up to {worst:.4g}", y)
    variance = x.var(-1, correction=0)
    assert_mean_square(y, variance / (variance + eps))


def assert_mean_square(y, right):
    """Assert the mean square of every vector, and say by how much it is off."""
    found = y.square().mean(-1)
    at = (found - right).abs().argmax()
    told = f"returned a vector whose mean square is {found[at]:.6g}, not {right[at]:.6g}"
    assert_holds(bool((found - right).abs().max() < 1e-9), told, y)


@given(seed=seeds, shape=distinct(2), shift=st.sampled_from([1.0, -30.0, 1e3]))
@example(seed=0, shape=(3, 4), shift=1e4)
def test_a_shift_of_the_input_changes_nothing(kata, seed, shape, shift):
    norm, x = kata.LayerNorm(shape[-1]).double(), tensor(seed, *shape)
    still = norm(x).detach()
    assert_close(norm(x + shift), still)


@given(seed=seeds, shape=distinct(2), a=st.sampled_from([2.0, 0.01, 300.0]), eps=epsilons)
@example(seed=0, shape=(3, 4), a=2.0, eps=1.0)
def test_a_scale_of_the_input_changes_nothing_but_eps(kata, seed, shape, a, eps):
    x = tensor(seed, *shape)
    still = kata.LayerNorm(shape[-1], eps).double()(x).detach()
    assert_close(kata.LayerNorm(shape[-1], eps * a**2).double()(a * x), still)


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_only_its_own_vector_counts(kata, seed, shape):
    norm, x = kata.LayerNorm(shape[-1]).double(), tensor(seed, *shape)
    assert_batches(norm, x)
    assert_batches(norm, x[0])


@given(seed=seeds, shape=distinct(2), height=st.sampled_from([0.0, 1.0, -1e4]))
@example(seed=0, shape=(3, 4), height=0.0)
def test_a_constant_vector_becomes_the_bias(kata, seed, shape, height):
    given = values(shapes(shape[-1]), seed)
    x = torch.full(shape, height, dtype=torch.float64, requires_grad=True)
    y = loaded(kata.LayerNorm(shape[-1]), given)(x)
    assert_close(y, given["bias"].expand(shape))
    pull_back(y, tensor(seed, *shape))
    told = "has a gradient of nan for a vector of equal entries"
    assert_holds(bool(x.grad.isfinite().all()), told, y)


def test_a_constant_vector_becomes_the_bias__of_one_entry(kata):
    norm = loaded(kata.LayerNorm(1), values(shapes(1)))
    assert_close(norm(tensor(0, 5, 1)), values(shapes(1))["bias"].expand(5, 1))


def test_weight_scales_and_bias_shifts(kata):
    given = {"weight": torch.tensor([1.0, 2.0, 0.0]).double(), "bias": tensor(0, 3)}
    x = torch.tensor([[-1.0, 0.0, 1.0]]).double()
    one = sqrt(2 / 3 + 1e-5)
    right = torch.tensor([[-1 / one, 0.0, 0.0]], dtype=torch.float64) + given["bias"]
    assert_close(loaded(kata.LayerNorm(3), given)(x), right)


def test_it_begins_with_ones_and_zeros(kata):
    norm = kata.LayerNorm(4)
    assert_parameters(norm, shapes(4))
    assert_saved(norm, shapes(4))
    found = dict(norm.named_parameters())
    assert_equal(found["weight"].detach(), torch.ones(4))
    assert_equal(found["bias"].detach(), torch.zeros(4))


def test_it_begins_with_ones_and_zeros__and_is_saved_whole(kata):
    norm = loaded(kata.LayerNorm(4), values(shapes(4)))
    assert_state_travels(norm, kata.LayerNorm(4), tensor(1, 3, 4))


def test_the_eps_is_the_one_asked_for(kata):
    x = 1e-3 * tensor(0, 2, 3)
    for eps in (1e-12, 1e-8, 1e-5, 1e-3, 1.0):
        assert_close(kata.LayerNorm(3, eps).double()(x), by_the_definition(plain(3), x, eps))
    assert_close(kata.LayerNorm(3).double()(x), by_the_definition(plain(3), x, 1e-5))


@given(seed=seeds)
@example(seed=0)
def test_a_large_mean_costs_no_digits(kata, seed):
    x = (tensor(seed, 4, 64) + 1e4).float()
    exact = by_the_definition(plain(64), x.double()).float()
    y = kata.LayerNorm(64)(x)
    worst = (y - exact).abs().max().item()
    assert_holds(worst <= 5e-3, f"returned entries off by up to {worst:.2g}", y)


def test_half_precision_is_computed_in_single_precision(kata):
    for dtype in (torch.float16, torch.bfloat16):
        x = (300 * tensor(0, 3, 8)).to(dtype)
        exact = by_the_definition(plain(8), x.double())
        for norm in (kata.LayerNorm(8), kata.LayerNorm(8).to(dtype)):
            y = norm(x)
            assert_holds(y.dtype == dtype, f"returned {y.dtype} for {dtype}", y)
            close = torch.isclose(y.double(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-3)
            told = f"returned {int((~close).sum())} of 24 entries less exact than {dtype} can hold"
            assert_holds(bool(close.all()), told, y)
    assert_keeps_type(kata.LayerNorm(8).to, tensor(0, 3, 8))


def test_half_precision_is_computed_in_single_precision__the_weight_too(kata):
    norm, given = kata.LayerNorm(8), {"weight": torch.full((8,), 1.37), "bias": torch.zeros(8)}
    norm.load_state_dict(given)
    x = tensor(0, 64, 8, dtype=torch.bfloat16)
    y = norm(x)
    exact = by_the_definition({name: p.double() for name, p in given.items()}, x.double())
    once = 0.6 * torch.finfo(torch.bfloat16).eps
    off = int((~torch.isclose(y.double(), exact, rtol=once, atol=1e-6)).sum())
    assert_holds(not off, f"rounded {off} of 512 entries twice", y)


@given(seed=seeds, shape=distinct(3), eps=epsilons)
@example(seed=0, shape=(2, 3, 4), eps=1e-5)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, eps):
    given, x = values(shapes(shape[-1]), seed), tensor(seed + 9, *shape)
    norm = loaded(kata.LayerNorm(shape[-1], max(eps, 1e-5)), given)

    def oracle(parameters, x):
        return by_the_definition(parameters, x, max(eps, 1e-5))

    assert_same_gradients(norm, oracle, x, parameters=given)


def test_the_input_is_left_alone(kata):
    assert_leaves_alone(kata.LayerNorm(4).double(), tensor(0, 2, 4))


def test_the_work_is_your_own(kata, shortcuts):
    kata.LayerNorm(4)(torch.zeros(2, 4))
    assert_own_work(shortcuts)
