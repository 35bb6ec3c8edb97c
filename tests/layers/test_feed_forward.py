"""spec/layers/feed_forward.md, clause by clause."""

from math import erf, sqrt

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
)
from tests.modules import (
    assert_parameters,
    assert_saved,
    assert_state_travels,
    count,
    loaded,
    values,
)
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import distinct, kinds, leading, seeds, tensor


def squared(inner):
    return inner.square()


def one_minus(inner):
    return 1 - inner


def ones(inner):
    return torch.ones_like(inner)


functions = st.sampled_from([squared, one_minus])


def shapes(d_model, d_ff):
    return {
        "up.weight": (d_ff, d_model),
        "up.bias": (d_ff,),
        "down.weight": (d_model, d_ff),
        "down.bias": (d_model,),
    }


def dot(row, x):
    return sum(w * entry for w, entry in zip(row, x, strict=True))


def linear(weight, bias, x):
    """Work a linear layer out, entry by entry, for one vector."""
    return [dot(row, x) + b for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]


def by_the_definition(given, x):
    """Work every vector out by itself, with the exact GELU."""
    up, down = ([given[f"{name}.{part}"] for part in ("weight", "bias")] for name in ("up", "down"))
    rows = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        inner = [h * (1 + erf(h / sqrt(2))) / 2 for h in linear(*up, row)]
        rows.append(linear(*down, inner))
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape)


def network(kata, given, *sizes, **options):
    """Make a network with these parameters, in evaluation, where nothing is dropped."""
    ff = loaded(kata.FeedForward(*sizes, **options), given)
    ff.eval()
    return ff


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, lead=leading, sizes=distinct(2))
@example(seed=0, kind="normal", lead=(2, 3), sizes=(4, 5))
@example(seed=0, kind="normal", lead=(), sizes=(3, 2))
def test_it_agrees_with_the_definition(kata, seed, kind, lead, sizes):
    given = values(shapes(*sizes), seed)
    x = tensor(seed, *lead, sizes[0], kind=kind)
    right = by_the_definition(given, x)
    assert_close(network(kata, given, *sizes)(x), right)


def test_it_learns_two_weights_and_two_biases(kata):
    for d_model, d_ff in ((3, 5), (1, 4), (2, 2)):
        ff = kata.FeedForward(d_model, d_ff)
        assert_parameters(ff, shapes(d_model, d_ff))
        assert_saved(ff, shapes(d_model, d_ff))
        found, right = count(ff), 2 * d_model * d_ff + d_ff + d_model
        assert_holds(found == right, f"learns {found:,} numbers, not {right:,}")


def test_it_learns_two_weights_and_two_biases__and_is_saved_whole(kata):
    ff, fresh = network(kata, values(shapes(3, 5)), 3, 5), kata.FeedForward(3, 5)
    fresh.eval()
    assert_state_travels(ff, fresh, tensor(1, 2, 3))


def test_it_is_four_times_as_wide_inside(kata):
    for d_model in (1, 3, 8):
        assert_parameters(kata.FeedForward(d_model), shapes(d_model, 4 * d_model))
        assert_parameters(kata.FeedForward(d_model, None), shapes(d_model, 4 * d_model))
    for d_ff in (1, 3, 4, 7):
        assert_parameters(kata.FeedForward(4, d_ff=d_ff), shapes(4, d_ff))


@given(seed=seeds, shape=distinct(3), d_ff=st.sampled_from([6, 1]))
@example(seed=0, shape=(2, 3, 4), d_ff=6)
def test_the_activation_is_given_what_comes_from_up(kata, seed, shape, d_ff):
    seen = []

    def noting(inner):
        seen.append(inner.detach().reshape(-1, inner.shape[-1]))
        return inner.relu()

    given, x = values(shapes(shape[-1], d_ff), seed), tensor(seed, *shape)
    right = (x @ given["up.weight"].T + given["up.bias"]).reshape(-1, d_ff)
    y = network(kata, given, shape[-1], d_ff, noting)(x)
    assert_holds(bool(seen), "never called the activation", y)
    widths = sorted({rows.shape[-1] for rows in seen} - {d_ff})
    assert_holds(not widths, f"gave the activation vectors of length {widths}, not {d_ff}", y)
    found = torch.cat(seen)
    told = f"gave the activation {len(found)} vectors for {len(right)} positions"
    assert_holds(len(found) == len(right), told, y)
    entry = f"it begins with {found[0, 0]:.6g}, not with {right[0, 0]:.6g}"
    told = f"did not give the activation x @ up.weight.T + up.bias: {entry}"
    assert_holds(torch.allclose(found, right, 1e-9, 1e-9), told, y)


@given(seed=seeds, shape=distinct(3), function=functions)
@example(seed=0, shape=(2, 3, 4), function=squared)
def test_what_the_activation_gives_goes_through_down(kata, seed, shape, function):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed, *shape)
    inner = function(x @ given["up.weight"].T + given["up.bias"])
    right = inner @ given["down.weight"].T + given["down.bias"]
    assert_close(network(kata, given, shape[-1], 6, function)(x), right)


def test_what_the_activation_gives_goes_through_down__and_nothing_else(kata):
    given = values(shapes(3, 5))
    right = given["down.weight"].sum(1) + given["down.bias"]
    ff = network(kata, given, 3, 5, activation=ones)
    assert_close(ff(tensor(1, 4, 3)), right.expand(4, 3))


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_the_activation_is_the_exact_gelu_by_default(kata, seed, shape):
    given, x = values(shapes(shape[-1], 4 * shape[-1]), seed), 2 * tensor(seed, *shape)
    named = network(kata, given, shape[-1], activation=F.gelu)(x).detach()
    assert_close(network(kata, given, shape[-1])(x), named)


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_each_position_is_treated_by_itself(kata, seed, shape):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed, *shape)
    ff = network(kata, given, shape[-1], 6)
    assert_batches(ff, x)
    assert_batches(ff, x[0])


def through(kata, p, function):
    """Make a network that hands on what the activation gives, as far as it is not dropped."""
    eye, one = torch.eye(40).double(), torch.ones(40).double()
    given = {"up.weight": eye, "up.bias": one, "down.weight": eye, "down.bias": 5 * one}
    return loaded(kata.FeedForward(40, 40, function, p), given)


def squared_plus_one(inner):
    return inner.square() + 1


def test_dropout_acts_between_the_activation_and_down(kata):
    for p in (0.3, 0.1, 0.8):
        y = through(kata, p, squared_plus_one)(torch.ones(4, 5, 40).double())
        factors = (y.detach() - 5) / 5  # each inner entry is (1 + 1)**2 + 1
        right = 1 / (1 - p)
        fine = torch.isclose(factors, 0 * factors) | torch.isclose(factors, 0 * factors + right)
        worst = factors[~fine].max().item() if not bool(fine.all()) else 0
        told = f"multiplied inner entries by {worst:.4g}, neither by 0 nor by {right:.4g}"
        assert_holds(bool(fine.all()), told, y)


def test_dropout_acts_between_the_activation_and_down__on_each_entry_by_itself(kata):
    for p in (0.3, 0.8):
        ff, x = through(kata, p, ones), torch.zeros(5, 100, 40).double()
        first, second = (ff(x).detach() == 5 for _ in range(2))
        for what, axes in (
            ("inner entries", (0, 1)),
            ("positions", (0, 2)),
            ("sequences", (1, 2)),
            ("entries", (0, 1, 2)),
        ):
            share = first.double().mean(axes)
            bound = 8 * sqrt(p * (1 - p) / (first.numel() / share.numel()))  # 8 sigma
            fine = bool(((share - p).abs() < bound).all())
            told = f"dropped some {what} much more often, or less, than with the probability {p}"
            assert_holds(fine, told, first)
        assert_holds(bool((first != second).any()), "dropped the same entries twice", first)


def test_dropout_acts_in_training_alone(kata):
    given, x = values(shapes(3, 50)), tensor(9, 4, 3)
    still, ff = network(kata, given, 3, 50), network(kata, given, 3, 50, dropout=0.5)
    right, y = still(x).detach(), ff(x)
    assert_holds(torch.allclose(y, right), "dropped something in evaluation", y)
    ff.train()
    y = ff(x)
    assert_holds(not torch.allclose(y, right), "dropped nothing, back in training", y)
    still.train()
    y = still(x)
    told = "dropped something in training, where no dropout was asked for"
    assert_holds(torch.allclose(y, right), told, y)


def definition(given, x):
    inner = F.gelu(x @ given["up.weight"].T + given["up.bias"])
    return inner @ given["down.weight"].T + given["down.bias"]


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_the_gradient_is_that_of_the_definition(kata, seed, shape):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed + 9, *shape)
    ff = network(kata, given, shape[-1], 6)
    assert_same_gradients(ff, definition, x, parameters=given)


def test_the_input_is_left_alone(kata):
    for dropout in (0.0, 0.5):
        ff, x = kata.FeedForward(4, dropout=dropout).double(), 20 * tensor(0, 2, 3, 4)
        assert_leaves_alone(ff, x)
        assert_keeps_type(ff.to, x)
