"""spec/layers/residual.md, clause by clause."""

from functools import partial
from itertools import product
from math import pi, sqrt

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.modules import assert_parameters, loaded, values
from tests.tensor_laws import (
    assert_batches,
    assert_gradient,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, seeds, tensor

BOTH = (True, False)


def in_both_forms(test):
    """Draw shapes for a test, and let each form meet a usual one."""
    for pre_norm in BOTH:
        test = example(seed=0, shape=(2, 3, 4), pre_norm=pre_norm)(test)
    return given(seed=seeds, shape=distinct(3), pre_norm=st.booleans())(test)


def shapes(dim, prefix=""):
    return {f"{prefix}norm.weight": (dim,), f"{prefix}norm.bias": (dim,)}


def norm(x, weight=1.0, bias=0.0):
    """Norm every vector by the formula of layer norm."""
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred / (variance + 1e-5) ** 0.5 * weight + bias


def wavy(x):
    return torch.sin(3 * x) + 1


def giving(value):
    """Make a layer that gives the same whatever comes."""
    return lambda x: value.expand(x.shape).clone()


zeros, ones = giving(torch.zeros(1).double()), giving(torch.ones(1).double())


def with_given(kata, given, fn, pre_norm):
    """Make a sub-layer with these parameters, in evaluation, where nothing is dropped."""
    sub = loaded(kata.Residual(len(given["norm.bias"]), fn, pre_norm=pre_norm), given)
    sub.eval()
    return sub


def plain(kata, dim, fn, pre_norm):
    given = {"norm.weight": torch.ones(dim).double(), "norm.bias": torch.zeros(dim).double()}
    return with_given(kata, given, fn, pre_norm)


def by_the_definition(parameters, x, pre_norm):
    """Write both forms out, around one layer."""
    given = parameters.values()
    return x + wavy(norm(x, *given)) if pre_norm else norm(x + wavy(x), *given)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@in_both_forms
def test_it_agrees_with_the_definition(kata, seed, shape, pre_norm):
    given = values(shapes(shape[-1]), seed)
    sub = with_given(kata, given, wavy, pre_norm)
    for kind in ("normal", "large", "equal"):
        x = tensor(seed, *shape, kind=kind)
        for part in (x, x[0], x[0, 0]):
            right = by_the_definition(given, part, pre_norm)
            assert_close(sub(part), right, atol=1e-8)  # 1 / sqrt(eps) is 300


def test_it_learns_its_norm_and_what_the_layer_learns(kata):
    for pre_norm in BOTH:
        sub = kata.Residual(4, wavy, pre_norm=pre_norm)
        assert_parameters(sub, shapes(4))
        for name, value in zip(shapes(4), (torch.ones(4), torch.zeros(4)), strict=True):
            assert_equal(dict(sub.named_parameters())[name].detach(), value)


def test_it_learns_its_norm_and_what_the_layer_learns__one_within_the_other(kata):
    first, second = (
        kata.Residual(4, kata.Residual(4, wavy, pre_norm=True), pre_norm=False) for _ in range(2)
    )
    names, x = {**shapes(4), **shapes(4, "fn.")}, tensor(5, 2, 4)
    assert_parameters(first, names)
    first.eval(), second.eval()
    right = loaded(first, values(names))(x.clone()).detach()
    assert_close(loaded(second, dict(first.state_dict()))(x.clone()), right)


def test_which_norm_it_is_must_be_said(kata):
    with assert_raises(TypeError):
        kata.Residual(4, wavy)


def test_before_the_norm_a_layer_of_zeros_changes_nothing(kata):
    for seed, kind in enumerate(("normal", "zeros", "large", "one_hot")):
        sub, x = plain(kata, 4, zeros, True), tensor(seed, 2, 3, 4, kind=kind)
        assert_close(sub(x.clone()), x)
        assert_same_gradients(lambda x, sub=sub: sub(x * 1), torch.clone, x)


@in_both_forms
def test_the_layer_reads_the_norm_or_x_itself(kata, seed, shape, pre_norm):
    seen = []

    def noting(x):
        seen.append(x.detach().clone())
        return 2 * x

    given, x = values(shapes(shape[-1])), tensor(seed, *shape)
    right = norm(x, *given.values()) if pre_norm else x.clone()
    y = with_given(kata, given, noting, pre_norm)(x)
    assert_holds(len(seen) == 1, f"called fn {len(seen)} times, not once", y)
    told = f"did not give fn {'norm(x)' if pre_norm else 'x itself'}"
    assert_holds(seen[0].shape == right.shape and torch.allclose(seen[0], right), told, y)


@in_both_forms
def test_what_the_layer_gives_is_added_to_x(kata, seed, shape, pre_norm):
    given, x, v = values(shapes(shape[-1])), tensor(seed, *shape), tensor(seed + 1, shape[-1])
    right = x + v if pre_norm else norm(x + v, *given.values())
    assert_close(with_given(kata, given, giving(v), pre_norm)(x), right)


def test_everything_else_goes_on_to_the_layer(kata):
    for pre_norm in BOTH:
        seen = []
        sub = plain(kata, 3, lambda x, *a, seen=seen, **k: seen.append((a, k)) or x, pre_norm)
        for args, kwargs in (((), {}), ((1, "2"), {}), ((None,), {"mask": 3, "also": [4]})):
            y = sub(tensor(0, 2, 3), *args, **kwargs)
            told = f"handed on {seen[-1][0]} and {seen[-1][1]}, not {args} and {kwargs}"
            assert_holds(seen[-1] == (args, kwargs), told, y)


def wave(k):
    """Make a vector of mean 0 and variance 1; no two of these have anything in common."""
    return sqrt(2) * torch.sin(2 * pi * k / 64 * torch.arange(64, dtype=torch.float64))


def test_a_stack_hands_the_gradient_on(kata):
    for pre_norm in BOTH:
        x = wave(1).requires_grad_()
        y, variance, right = x * 1, 1.0, 1.0
        for k in range(2, 14):
            y = plain(kata, 64, giving(wave(k)), pre_norm)(y)
            right /= 1 if pre_norm else sqrt(variance + 1 + 1e-5)
            variance = (variance + 1) / (variance + 1 + 1e-5)
        pull_back(y, wave(30))
        assert_gradient(y, "its first argument", gradient(x), right * wave(30))


def test_behind_the_sum_every_vector_is_normed(kata):
    for scale in (1.0, 1e-3, 100.0):
        x = scale * tensor(0, 3, 4)
        for fn in (zeros, wavy):
            variance, y = (x + fn(x)).var(-1, correction=0), plain(kata, 4, fn, False)(x)
            fine = bool((y.sum(-1).abs() < 1e-9).all())
            assert_holds(fine, "returned a vector whose entries do not add up to 0", y)
            found, right = y.square().mean(-1), variance / (variance + 1e-5)
            at = (found - right).abs().argmax()
            told = f"returned a vector whose mean square is {found[at]:.6g}, not {right[at]:.6g}"
            assert_holds(torch.allclose(found, right, 1e-9, 1e-9), told, y)


@in_both_forms
def test_only_the_layer_looks_elsewhere(kata, seed, shape, pre_norm):
    sub, x = plain(kata, shape[-1], wavy, pre_norm), tensor(seed, *shape)
    assert_batches(lambda x: sub(x.clone()), x)
    assert_batches(lambda x: sub(x.clone()), x[0])


def test_dropout_acts_on_what_the_layer_gives(kata):
    x, v = torch.tensor([1.0, 2.0, -4.0]).double(), torch.tensor([3.0, -5.0, 7.0]).double()
    masks = torch.tensor([*product((0, 1), repeat=3)])
    for pre_norm, p in product(BOTH, (0.3, 0.8)):
        sub = kata.Residual(3, giving(v), pre_norm=pre_norm, dropout=p).double()
        y = sub(x.expand(50, 3).clone())
        sums = x + masks * v / (1 - p)
        near = torch.isclose(y[:, None], sums if pre_norm else norm(sums)).all(-1).any(-1)
        told = f"dropped, or divided by {1 - p:.1f}, something else than what fn gives"
        assert_holds(bool(near.all()), told, y)


def test_dropout_acts_on_what_the_layer_gives__each_entry_by_itself(kata):
    for pre_norm in BOTH:
        sub = kata.Residual(40, ones, pre_norm=pre_norm, dropout=0.3).double()
        x = torch.zeros(5, 100, 40).double()
        first, second = (sub(x.clone()).detach() <= 0 for _ in range(2))
        for what, axes in (("entries", (0, 1)), ("positions", (0, 2))):
            share = first.double().mean(axes)
            bound = 8 * sqrt(0.3 * 0.7 * share.numel() / first.numel())  # 8 sigma
            told = f"dropped some {what} much more often, or less, than with the probability 0.3"
            assert_holds(bool(((share - 0.3).abs() < bound).all()), told, first)
        assert_holds(bool((first != second).any()), "dropped the same entries twice", first)


def test_dropout_acts_in_training_alone(kata):
    x = tensor(0, 4, 50)
    for pre_norm in BOTH:
        inner = kata.Residual(50, ones, pre_norm=True, dropout=0.5)
        outer = kata.Residual(50, inner, pre_norm=pre_norm, dropout=0.5).double()
        outer.eval()
        y, right = outer(x.clone()), x + norm(x) + 1 if pre_norm else norm(2 * x + 1)
        assert_holds(torch.allclose(y, right), "dropped something in evaluation", y)
        y = kata.Residual(50, ones, pre_norm=pre_norm).double()(x.clone())
        told = "dropped something in training, where no dropout was asked for"
        assert_holds(torch.allclose(y, x + 1 if pre_norm else norm(x + 1)), told, y)


@in_both_forms
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, pre_norm):
    given = values(shapes(shape[-1]), seed)
    sub = with_given(kata, given, wavy, pre_norm)
    oracle = partial(by_the_definition, pre_norm=pre_norm)
    assert_same_gradients(sub, oracle, tensor(seed + 9, *shape), parameters=given)


def test_the_input_is_left_alone(kata):
    for pre_norm in BOTH:
        sub, x = kata.Residual(4, wavy, pre_norm=pre_norm).double(), tensor(0, 2, 4)
        assert_leaves_alone(sub, x)
        assert_keeps_type(sub.to, x)
        assert_leaves_alone(kata.Residual(4, lambda x: x, pre_norm=pre_norm).double(), x)
        given, kept = tensor(1, 2, 4), tensor(1, 2, 4)
        y = kata.Residual(4, lambda x, given=given: given, pre_norm=pre_norm).double()(x)
        assert_holds(torch.equal(given, kept), "wrote into what the layer gave", y)


def test_dropout_acts_on_what_the_layer_gives__and_may_drop_it_all(kata):
    x = tensor(0, 2, 4)
    sub = kata.Residual(4, wavy, pre_norm=True, dropout=1.0).double().train()
    assert_close(sub(x), x)
