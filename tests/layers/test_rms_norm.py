"""spec/layers/rms_norm.md, clause by clause."""

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
    return {"weight": (dim,)}


def by_the_definition(parameters, x, eps=1e-5):
    """Work every vector out by the formula."""
    mean_square = (x * x).sum(-1, keepdim=True) / x.shape[-1]
    return x / (mean_square + eps) ** 0.5 * parameters["weight"]


def plain(dim):
    return {"weight": torch.ones(dim, dtype=torch.float64)}


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, shape=distinct(3), scale=scales, eps=epsilons)
@example(seed=0, kind="normal", shape=(2, 3, 4), scale=1.0, eps=1.0)
def test_it_agrees_with_the_definition(kata, seed, kind, shape, scale, eps):
    given = values(shapes(shape[-1]), seed)
    norm = loaded(kata.RMSNorm(shape[-1], eps=eps), given)
    x = scale * tensor(seed + 1, *shape, kind=kind)
    assert_close(norm(x), by_the_definition(given, x, eps))


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_only_its_own_vector_counts(kata, seed, shape):
    norm, x = kata.RMSNorm(shape[-1]).double(), tensor(seed, *shape)
    for batch in (x, x[0]):
        assert_batches(lambda part: norm(part.clone()), batch)


@given(seed=seeds, shape=distinct(2), shift=st.sampled_from([0.0, 10.0]))
@example(seed=0, shape=(3, 4), shift=10.0)
def test_the_direction_stays(kata, seed, shape, shift):
    x = tensor(seed, *shape) + shift
    y = kata.RMSNorm(shape[-1]).double()(x)
    length = y.norm(dim=-1, keepdim=True) / x.norm(dim=-1, keepdim=True)
    off = (y - x * length).abs()
    told = "returned a vector that points elsewhere than the one it was given"
    assert_holds(bool((off < 1e-9).all()), told, y)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_weight_scales_each_entry(kata, seed, shape):
    given, x = values(shapes(shape[-1]), seed), tensor(seed + 1, *shape)
    normalised = loaded(kata.RMSNorm(shape[-1]), plain(shape[-1]))(x).detach()
    y = loaded(kata.RMSNorm(shape[-1]), given)(x)
    assert_close(y, normalised * given["weight"])
    nothing = loaded(kata.RMSNorm(shape[-1]), {"weight": torch.zeros(shape[-1])})(x)
    assert_holds(bool((nothing == 0).all()), "returned more than 0 for weights of 0", nothing)


@given(seed=seeds, shape=distinct(2), shift=st.sampled_from([0.0, 300.0]))
@example(seed=0, shape=(3, 4), shift=0.0)
@example(seed=0, shape=(3, 4), shift=300.0)
def test_each_vector_gets_mean_square_one(kata, seed, shape, shift):
    x = 100 * tensor(seed, *shape) + shift
    y = kata.RMSNorm(shape[-1]).double()(x)
    given = x.square().mean(-1)
    found, right = y.square().mean(-1), given / (given + 1e-5)
    at = (found - right).abs().argmax()
    told = f"returned a vector whose mean square is {found[at]:.4g}, not {right[at]:.4g}"
    assert_holds(bool((found - right).abs().max() < 1e-3), told, y)


@given(seed=seeds, shape=distinct(2), eps=epsilons)
@example(seed=0, shape=(3, 4), eps=1e-5)
def test_a_vector_of_zeros_stays_zero(kata, seed, shape, eps):
    x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    y = loaded(kata.RMSNorm(shape[-1], eps), values(shapes(shape[-1]), seed))(x)
    wrong = y[y != 0].tolist()[:1]
    assert_holds(not wrong, f"returned {wrong} for a vector of zeros", y)
    pull_back(y, tensor(seed, *shape))
    told = "has a gradient of nan or infinity for a vector of zeros"
    assert_holds(bool(x.grad.isfinite().all()), told, y)


@given(seed=seeds, shape=distinct(2), a=st.sampled_from([2.0, 0.01, 300.0]), eps=epsilons)
@example(seed=0, shape=(3, 4), a=2.0, eps=1.0)
def test_a_scale_of_the_input_changes_nothing_but_eps(kata, seed, shape, a, eps):
    x = tensor(seed, *shape)
    still = kata.RMSNorm(shape[-1], eps).double()(x).detach()
    assert_close(kata.RMSNorm(shape[-1], eps * a**2).double()(a * x), still)


@given(seed=seeds, shape=distinct(2), eps=epsilons)
@example(seed=0, shape=(3, 4), eps=1.0)
def test_on_vectors_of_mean_zero_it_is_layer_norm(kata, seed, shape, eps):
    x = tensor(seed, *shape)
    x = x - x.mean(-1, keepdim=True)
    right = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=eps)
    assert_close(kata.RMSNorm(x.shape[-1], eps).double()(x), right)


def test_the_eps_is_the_one_asked_for(kata):
    x = 1e-3 * tensor(0, 2, 3)
    for eps in (1e-12, 1e-8, 1e-5, 1e-3, 1.0):
        assert_close(kata.RMSNorm(3, eps).double()(x), by_the_definition(plain(3), x, eps))
    assert_close(kata.RMSNorm(3).double()(x), by_the_definition(plain(3), x, 1e-5))


def test_it_begins_with_ones(kata):
    norm = kata.RMSNorm(4)
    assert_parameters(norm, shapes(4))
    assert_saved(norm, shapes(4))
    assert_equal(dict(norm.named_parameters())["weight"].detach(), torch.ones(4))


def test_it_begins_with_ones__and_is_saved_whole(kata):
    norm = loaded(kata.RMSNorm(4), values(shapes(4)))
    assert_state_travels(norm, kata.RMSNorm(4), tensor(1, 3, 4))


def test_half_precision_is_computed_in_single_precision(kata):
    for dtype in (torch.float16, torch.bfloat16):
        x = (300 * tensor(0, 64, 8)).to(dtype)
        exact = by_the_definition(plain(8), x.double())
        for norm in (kata.RMSNorm(8), kata.RMSNorm(8).to(dtype)):
            y = norm(x)
            told = f"returned {str(y.dtype)[6:]} for {str(dtype)[6:]}"
            assert_holds(y.dtype == dtype, told, y)
            once = 0.6 * torch.finfo(dtype).eps  # a rounding is off by at most half of eps
            off = int((~torch.isclose(y.double(), exact, rtol=once, atol=1e-6)).sum())
            told = f"returned {off} of 512 entries less exact than {str(dtype)[6:]} can hold"
            assert_holds(not off, told, y)
    assert_keeps_type(kata.RMSNorm(8).to, tensor(0, 3, 8))


def test_half_precision_is_computed_in_single_precision__the_weight_too(kata):
    norm, weight = kata.RMSNorm(8), torch.full((8,), 1.37)
    norm.load_state_dict({"weight": weight})
    x = tensor(0, 64, 8, dtype=torch.bfloat16)
    y = norm(x)
    exact = by_the_definition({"weight": weight.double()}, x.double())
    once = 0.6 * torch.finfo(torch.bfloat16).eps
    off = int((~torch.isclose(y.double(), exact, rtol=once, atol=1e-6)).sum())
    assert_holds(not off, f"rounded {off} of 512 entries twice", y)


@given(seed=seeds, shape=distinct(3), eps=st.sampled_from([1e-5, 0.1, 1.0]))
@example(seed=0, shape=(2, 3, 4), eps=1e-5)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, eps):
    given, x = values(shapes(shape[-1]), seed), tensor(seed + 9, *shape)
    norm = loaded(kata.RMSNorm(shape[-1], eps), given)

    def oracle(parameters, x):
        return by_the_definition(parameters, x, eps)

    assert_same_gradients(norm, oracle, x, parameters=given)


def test_the_input_is_left_alone(kata):
    assert_leaves_alone(kata.RMSNorm(4).double(), tensor(0, 2, 4))


def test_the_work_is_your_own(kata, shortcuts):
    kata.RMSNorm(4)(torch.zeros(2, 4))
    assert_own_work(shortcuts)
