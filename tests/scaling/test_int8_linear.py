"""spec/scaling/int8_linear.md, clause by clause."""

import torch
from torch import nn

from tests.devices import assert_stays_on_device
from tests.keeping import kept
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
)
from tests.modules import assert_parameters, assert_saved, assert_state_travels
from tests.rounding import FLOATS, HALF, drawn, layer, matrix, rounded, told_of
from tests.tensor_laws import assert_batches, assert_same_gradients
from tests.tensors import tensor


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@drawn
def test_it_agrees_with_the_definition(kata, seed, shape, kind):
    weight, x = matrix(seed, shape, kind), tensor(seed + 1, 4, shape[1])
    right, steps = rounded(weight)
    q, scale = kata.quantize(weight.clone())
    assert_equal(q, right)
    assert_close(scale, steps)
    assert_close(kata.dequantize(right, steps), right.double() * steps)
    for bias in (True, False):
        expected = x @ (right.double() * steps).mT
        shifted = expected + layer(weight).bias.detach() if bias else expected
        assert_close(kata.Int8Linear(layer(weight, bias))(x.clone()), shifted, atol=1e-7)


@drawn
def test_each_row_has_a_step_of_its_own(kata, seed, shape, kind):
    weight = matrix(seed, shape, kind)
    q, scale = kata.quantize(weight.clone())
    told = (
        f"returned, for a weight of {shape}, a scale of {tuple(scale.shape)}, not ({shape[0]}, 1)"
    )
    assert_holds(tuple(scale.shape) == (shape[0], 1), told)
    told = f"returned a q of {tuple(q.shape)} in {told_of(q.dtype)}, not {shape} in int8"
    assert_holds(tuple(q.shape) == shape and q.dtype == torch.int8, told)
    lowest = q.min().item()
    assert_holds(lowest >= -127, f"used {lowest}, which has no opposite", q)
    for i, row in enumerate(weight):
        if row.any():
            most = q[i].int().abs().max().item()
            told = f"gave row {i}, whose largest entry is {row.abs().max():.4g}, whole numbers up"
            assert_holds(most == 127, f"{told} to {most}, not 127", q)
            alone, step = kata.quantize(row[None].clone())
            assert_equal(q[i : i + 1], alone)
            assert_close(scale[i : i + 1], step)


@drawn
def test_the_error_is_at_most_half_a_step(kata, seed, shape, kind):
    weight = matrix(seed, shape, kind)
    q, scale = kata.quantize(weight.clone())
    off = ((kata.dequantize(q, scale) - weight) / scale).abs().max().item()
    told = f"is off by {off:.4g} steps in one entry, where half a step is enough"
    assert_holds(off <= 0.5 + 1e-9, told, q)


def test_halves_go_to_the_even_number(kata):
    row = torch.tensor([[127.0, 0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 2.4, 2.6]])
    right = [127, 0, 2, 2, 4, 0, -2, -2, 2, 3]
    for dtype in (torch.float32, torch.float64):
        q, _ = kata.quantize(row.to(dtype))
        told = f"made {q[0].tolist()} of {row[0].to(dtype).tolist()} with a step of 1, not {right}"
        assert_holds(q[0].tolist() == right, told, q)


def test_a_row_of_zeros_stays_one(kata):
    for dtype in FLOATS:
        q, scale = kata.quantize(torch.tensor([[0.0, 0.0, -0.0]], dtype=dtype))
        told = f"gave a row of zeros the scale {scale[0, 0].item():.4g} and the numbers"
        told = f"{told} {q[0].tolist()}, not 1 and zeros"
        assert_holds(bool((scale == 1).all() and (q == 0).all()), told, q)
        least = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
        q, scale = kata.quantize(torch.tensor([[3 * least, 0.0, -least]], dtype=dtype))
        told = f"gave a row of at most {3 * least:.2g}, in {told_of(dtype)}, the scale"
        told = f"{told} {scale[0, 0].item():.4g} and the numbers {q[0].tolist()}, not 1 and zeros"
        assert_holds(bool((scale == 1).all() and (q == 0).all()), told, q)


@drawn
def test_sign_and_size_change_only_the_step(kata, seed, shape, kind):
    weight = matrix(seed, shape, kind)
    q, scale = kata.quantize(weight.clone())
    for factor in (-1.0, 2.0**-30, 2.0**30):  # exact, so that nothing is rounded on the way
        other, step = kata.quantize(factor * weight)
        told = f"gave other whole numbers to {factor:g} times a weight than to the weight"
        same = torch.equal(other, q if factor > 0 else -q)
        assert_holds(same, f"{told}, times its sign" if factor < 0 else told, other)
        some = weight.any(-1, keepdim=True)
        assert_close(step, torch.where(some, scale * abs(factor), 1.0), atol=0.0)


@drawn
def test_what_is_rounded_once_stays(kata, seed, shape, kind):
    q, scale = kata.quantize(matrix(seed, shape, kind))
    again, step = kata.quantize(kata.dequantize(q, scale))
    assert_equal(again, q)
    assert_close(step, scale)


@drawn
def test_the_output_is_near_that_of_the_layer(kata, seed, shape, kind):
    weight, x = matrix(seed, shape, kind), tensor(seed + 1, 4, shape[1])
    _, scale = kata.quantize(weight.clone())
    for bias in (True, False):
        linear = layer(weight, bias)
        right = linear(x).detach()
        off = (kata.Int8Linear(linear)(x.clone()) - right).abs()
        bound = x.abs().sum(-1, keepdim=True) * scale[:, 0] / 2
        worst = (off - bound).argmax()
        told = (
            f"is off by {off.flatten()[worst]:.4g} from the layer, {'with' if bias else 'without'}"
        )
        told = (
            f"{told} a bias, where half a step in each weight explains {bound.flatten()[worst]:.4g}"
        )
        assert_holds(bool((off <= bound * (1 + 1e-9) + 1e-9).all()), told)


def test_there_is_nothing_to_learn(kata):
    for bias in (True, False):
        int8 = kata.Int8Linear(layer(matrix(0, (3, 5)), bias))
        assert_parameters(int8, {})
        assert_saved(int8, {"q": (3, 5), "scale": (3, 1)} | ({"bias": (3,)} if bias else {}))
        other = kata.Int8Linear(layer(matrix(1, (3, 5)), bias))
        assert_state_travels(int8, other, tensor(2, 4, 5))
        int8.float()
        kind = int8.state_dict()["q"].dtype
        assert_holds(kind == torch.int8, f"keeps q as {told_of(kind)} after `float()`")


def test_the_gradient_passes_through(kata):
    for bias in (True, False):
        linear = layer(matrix(0, (3, 5)), bias)
        q, scale = rounded(linear.weight.detach())
        assert_same_gradients(
            kata.Int8Linear(linear), lambda x, w=q * scale: x @ w.mT, tensor(1, 4, 5)
        )


def test_the_layer_is_left_alone(kata):
    linear, x = layer(matrix(0, (3, 5))), tensor(1, 4, 5)
    before = {name: p.detach().clone() for name, p in linear.named_parameters()}
    int8 = kata.Int8Linear(linear)
    y = int8(x.clone().requires_grad_())
    y.sum().backward()
    for name, parameter in linear.named_parameters():
        told = f"sends a gradient back to the `{name}` of the layer that it was made of"
        assert_holds(parameter.grad is None, told)
        told = f"changed the `{name}` of the layer, or what it learns"
        assert_holds(torch.equal(parameter, before[name]) and parameter.requires_grad, told)
        parameter.data.mul_(2.0)
    told = "gives another output, once the layer that it was made of has learned"
    assert_holds(torch.equal(int8(x.clone()), y), told)


def test_a_weight_takes_one_byte(kata):
    for dtype, bias in ((torch.float32, True), (torch.float64, False), (torch.bfloat16, True)):
        linear = layer(matrix(0, (3, 50), dtype=dtype), bias)
        size, rows = dtype.itemsize, 3 * (1 + bias)
        for module, right, what in (
            (linear, size * (3 * 50 + 3 * bias), "a linear layer"),
            (kata.Int8Linear(linear), 3 * 50 + size * rows, "what is made of a layer"),
        ):
            found = kata.weight_bytes(module)
            told = f"returned {found!r} for {what} from 50 to 3, {'with' if bias else 'without'} a"
            assert_holds(found == right, f"{told} bias, in {told_of(dtype)}; it is {right}")


def test_a_weight_takes_one_byte__and_no_copy_is_kept(kata):
    linear, x = layer(matrix(0, (30, 50))), tensor(1, 2, 50)
    int8 = kata.Int8Linear(linear)
    for call, most, what in (
        (
            lambda: kata.Int8Linear(linear),
            3200,
            "made of a layer from 50 to 30, which is there, too",
        ),
        (lambda: int8(x), 500, "asked; it goes from 50 to 30"),
    ):
        found = kept(call, most)
        told = f"keeps {found} numbers in memory when it is {what}"
        assert_holds(found <= most, f"{told}: a copy of the weight stays, in another type")


def test_what_is_saved_counts_once(kata):
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4)), nn.BatchNorm1d(3))
    model[1][0].weight = model[0].weight
    model.register_buffer("table", torch.zeros(7), persistent=False)
    right = 4 * (16 + 4 + 4) + 4 * 4 * 3 + 8  # a batch norm counts its batches in an int64
    found = kata.weight_bytes(model)
    told = f"returned {found!r}, where two layers share a weight of 64 bytes, one buffer of 28"
    assert_holds(found == right, f"{told} is not saved, and the others are; it is {right}")
    assert_equal(kata.weight_bytes(nn.Tanh()), 0)
    model = nn.Module()
    model.register_buffer("few", torch.zeros(100)[90:])
    found = kata.weight_bytes(model)
    told = f"returned {found!r} for the last 10 entries of a tensor of 100, of 4 bytes each"
    assert_holds(found == 40, f"{told}; it is 40")


def test_each_type_stays(kata):
    for dtype in FLOATS:
        weight = matrix(0, (3, 5), dtype=dtype)
        q, scale = kata.quantize(weight)
        for what, found in (("quantize", scale), ("dequantize", kata.dequantize(q, scale))):
            told = f"gave, for a weight in {told_of(dtype)}, out of `{what}` {told_of(found.dtype)}"
            assert_holds(found.dtype == dtype, told)
        for kind in FLOATS:
            y = kata.Int8Linear(layer(weight))(tensor(1, 4, 5, dtype=kind))
            told = f"returned {told_of(y.dtype)} for an x in {told_of(kind)} and a layer in"
            assert_holds(y.dtype == kind, f"{told} {told_of(dtype)}", y)


def test_half_precision_does_no_harm(kata):
    for dtype in HALF:
        weight = matrix(0, (3, 200), dtype=dtype)
        q, scale = kata.quantize(weight.clone())
        off = ((q.double() * scale.double() - weight.double()) / scale.double()).abs().max().item()
        told = f"is off by {off:.4g} steps in one entry of a weight in {told_of(dtype)}"
        assert_holds(off <= 0.5 + 1e-4, told, q)
    q, _ = kata.quantize(torch.tensor([[1e-5, -1e-5]], dtype=torch.float16))
    told = f"made {q[0].tolist()} of 1e-5 and -1e-5 in float16, where a step of 7.9e-8 becomes 6e-8"
    assert_holds(q[0].tolist() == [127, -127], f"{told}; it is [127, -127]", q)


def test_half_precision_does_no_harm__nor_long_sums(kata):
    for dtype in HALF:
        linear = layer(torch.full((2, 600), 0.01, dtype=dtype))
        y = kata.Int8Linear(linear)(torch.ones(1, 600, dtype=dtype))[0, 0].item()
        right = 6.0 + linear.bias[0].item()
        told = f"returned {y:.6g} for 600 times 1 and weights of 0.01, in {told_of(dtype)}"
        near = abs(y - right) <= 2 * torch.finfo(dtype).eps * abs(right) + 0.02
        assert_holds(near, f"{told}; it is {right:.6g}")
        linear = layer(torch.tensor([[127.0, 1.0]], dtype=dtype))
        nn.init.constant_(linear.bias, -1016.0)
        y = kata.Int8Linear(linear)(torch.tensor([[8.0, 0.25]], dtype=dtype)).item()
        told = f"returned {y:.6g} for 8 * 127 + 0.25 * 1 and a bias of -1016, in {told_of(dtype)}"
        assert_holds(y == 0.25, f"{told}; it is 0.25: what is rounded before the bias is lost")


def test_what_is_given_is_left_alone(kata):
    weight, x = matrix(0, (3, 5)), tensor(1, 4, 5)
    assert_leaves_alone(kata.quantize, weight)
    assert_leaves_alone(kata.dequantize, *rounded(weight))
    assert_leaves_alone(kata.Int8Linear(layer(weight)), x)
    assert_stays_on_device(lambda w: kata.dequantize(*kata.quantize(w)), weight)


def test_any_leading_axes_are_a_batch(kata):
    int8 = kata.Int8Linear(layer(matrix(0, (3, 5))))
    for before in ((2,), (3, 2), (2, 1, 3)):
        assert_batches(int8, tensor(1, *before, 5))
