"""spec/layers/swiglu.md, clause by clause."""

from math import exp

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.modules import (
    assert_parameters,
    assert_saved,
    assert_state_travels,
    loaded,
    values,
)
from tests.tensor_laws import (
    assert_batches,
    assert_gradient,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, kinds, leading, seeds, tensor


def shapes(d_model, d_ff):
    return {
        "w1.weight": (d_ff, d_model),
        "w3.weight": (d_ff, d_model),
        "w2.weight": (d_model, d_ff),
    }


def logistic(z):
    """Work out the sigmoid of a number by an exponential that does not overflow."""
    small = exp(-abs(z))
    return 1 / (1 + small) if z >= 0 else small / (1 + small)


def product(weight, x):
    return [sum(w * entry for w, entry in zip(row, x, strict=True)) for row in weight.tolist()]


def by_the_definition(given, x):
    """Work every vector out by itself, entry by entry."""
    rows = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        gate, passed = product(given["w1.weight"], row), product(given["w3.weight"], row)
        inner = [g * logistic(g) * p for g, p in zip(gate, passed, strict=True)]
        rows.append(product(given["w2.weight"], inner))
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, lead=leading, sizes=distinct(2))
@example(seed=0, kind="normal", lead=(2, 3), sizes=(4, 5))
@example(seed=0, kind="normal", lead=(), sizes=(3, 2))
def test_it_agrees_with_the_definition(kata, seed, kind, lead, sizes):
    given, x = values(shapes(*sizes), seed), tensor(seed, *lead, sizes[0], kind=kind)
    right = by_the_definition(given, x)
    assert_close(loaded(kata.SwiGLU(*sizes), given)(x), right, atol=1e-8)  # 1e6 cancels


def test_it_learns_three_weights_and_no_bias(kata):
    for d_model, d_ff in ((3, 5), (1, 4), (4, 2)):
        net = kata.SwiGLU(d_model, d_ff)
        assert_parameters(net, shapes(d_model, d_ff))
        assert_saved(net, shapes(d_model, d_ff))
    net = loaded(kata.SwiGLU(3, 5), values(shapes(3, 5)))
    assert_state_travels(net, kata.SwiGLU(3, 5), tensor(1, 2, 3))


def test_the_width_is_eight_thirds_rounded_up(kata):
    for d_model in (512, 24, 48, 1, 3, 23, 25, 49, 72, 100, 300):
        d_ff = next(n for n in range(64, 9999, 64) if 3 * n >= 8 * d_model)
        assert_parameters(kata.SwiGLU(d_model), shapes(d_model, d_ff))
    assert_parameters(kata.SwiGLU(24, None), shapes(24, 64))
    assert_parameters(kata.SwiGLU(24, d_ff=7), shapes(24, 7))


@given(seed=seeds, kind=kinds, lead=leading)
@example(seed=0, kind="normal", lead=(3, 2))
def test_silu_of_x_minus_silu_of_minus_x_is_x(kata, seed, kind, lead):
    x = tensor(seed, *lead, 4, kind=kind)
    returned = kata.silu(x.clone()) - kata.silu(-x)
    assert_close(returned, x)


def test_large_entries_do_no_harm(kata):
    for dtype in (torch.float64, torch.float32):
        x = torch.tensor([-1000.0, -200.0, 200.0, 1000.0], dtype=dtype).requires_grad_()
        y, zero = kata.silu(x * 1), torch.zeros(4, dtype=dtype)
        assert_close(y, torch.where(x > 0, x, zero).detach())
        pull_back(y, torch.ones(4, dtype=dtype))
        assert_gradient(y, "its first argument", gradient(x), (x > 0).to(dtype))


@given(seed=seeds, kind=kinds, lead=leading)
@example(seed=0, kind="normal", lead=(3, 2))
def test_silu_is_x_times_its_sigmoid(kata, seed, kind, lead):
    x = tensor(seed, *lead, 4, kind=kind)
    rows = [[z * logistic(z) for z in row] for row in x.reshape(-1, 4).tolist()]
    assert_close(kata.silu(x.clone()), torch.tensor(rows, dtype=x.dtype).reshape(x.shape))
    assert_same_gradients(lambda x: kata.silu(x * 1), lambda x: x * torch.sigmoid(x), x)


@given(seed=seeds, shape=distinct(3), factor=st.sampled_from([2.0, -3.0, 0.5]))
@example(seed=0, shape=(2, 3, 4), factor=2.0)
def test_what_is_passed_on_stays_linear(kata, seed, shape, factor):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed, *shape)
    once = loaded(kata.SwiGLU(shape[-1], 6), given)(x).detach()
    more = {**given, "w3.weight": factor * given["w3.weight"]}
    assert_close(loaded(kata.SwiGLU(shape[-1], 6), more)(x), factor * once)


def gated(kata, n):
    """Make a network of which the first n entries are gates for the others."""
    eye, none = torch.eye(n).double(), torch.zeros(n, n).double()
    given = {
        "w1.weight": torch.cat((eye, none), 1),
        "w3.weight": torch.cat((none, eye), 1),
        "w2.weight": torch.cat((eye, none)),
    }
    return loaded(kata.SwiGLU(2 * n, n), given)


def test_a_shut_gate_lets_nothing_through(kata):
    passed = tensor(1, 5, 3)
    for what, height in (("far below 0", -1000.0), ("of 0", 0.0)):
        y = gated(kata, 3)(torch.cat((torch.full((5, 3), height).double(), passed), 1))
        told = f"let something through a gate {what}"
        assert_holds(y.abs().max().item() < 1e-9, told, y)


@given(seed=seeds, n=st.sampled_from([4, 3, 1, 5]))
@example(seed=0, n=4)
def test_the_gate_is_silu_of_w1(kata, seed, n):
    gate, passed = tensor(seed, 3, n), tensor(seed + 1, 3, n)
    y = gated(kata, n)(torch.cat((gate, passed), 1))[:, :n]
    assert_close(y, gate * torch.sigmoid(gate) * passed)


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_each_position_is_treated_by_itself(kata, seed, shape):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed, *shape)
    net = loaded(kata.SwiGLU(shape[-1], 6), given)
    assert_batches(net, x)
    assert_batches(net, x[0])


def definition(given, x):
    gate = x @ given["w1.weight"].T
    return (gate * torch.sigmoid(gate) * (x @ given["w3.weight"].T)) @ given["w2.weight"].T


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_the_gradient_is_that_of_the_definition(kata, seed, shape):
    given, x = values(shapes(shape[-1], 6), seed), tensor(seed + 9, *shape)
    net = loaded(kata.SwiGLU(shape[-1], 6), given)
    assert_same_gradients(net, definition, x, parameters=given)


def test_the_input_is_left_alone(kata):
    net, x = kata.SwiGLU(4, 6).double(), tensor(0, 2, 3, 4)
    assert_leaves_alone(kata.silu, x)
    assert_leaves_alone(net, x)
    assert_keeps_type(lambda dtype: kata.silu, x)
    assert_keeps_type(net.to, x)


def test_the_work_is_your_own(kata, shortcuts):
    kata.silu(tensor(0, 3))
    kata.SwiGLU(3, 2)(torch.zeros(2, 3))
    assert_own_work(shortcuts)
