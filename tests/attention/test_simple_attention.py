"""spec/attention/simple_attention.md, clause by clause."""

from math import exp

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
from tests.tensor_laws import assert_same_gradients
from tests.tensors import distinct, kinds, leading, seeds, sizes, tensor


def by_the_definition(x):
    """Work one sequence out, pair by pair; the largest score is taken off, as an exact identity."""
    T, C = x.shape
    scores = [[dot(x[i].tolist(), x[j].tolist()) for j in range(T)] for i in range(T)]
    shares = [[exp(s - max(row)) for s in row] for row in scores]
    weights = [[share / sum(row) for share in row] for row in shares]
    averages = [[dot(row, x[:, c].tolist()) for c in range(C)] for row in weights]
    return torch.tensor(averages, dtype=x.dtype), torch.tensor(weights, dtype=x.dtype)


def dot(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def differentiable(x):
    """Write the formula out, for scores that do not overflow."""
    e = torch.einsum("...ic,...jc->...ij", x, x).exp()
    weights = e / e.sum(-1, keepdim=True)
    return torch.einsum("...ij,...jc->...ic", weights, x), weights


def order(seed, T):
    return torch.randperm(T, generator=torch.Generator().manual_seed(seed))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(lead=leading, shape=distinct(2))
@example(lead=(2,), shape=(3, 4))
def test_the_averages_come_before_the_weights(kata, lead, shape):
    T, C = shape
    for dtype in (torch.float64, torch.float32):
        made = kata.simple_attention(tensor(0, *lead, T, C, dtype=dtype))
        told = f"returned {type(made).__name__}, not a tuple of averages and weights"
        assert_holds(isinstance(made, tuple) and len(made) == 2, told, made)
        shapes = [tuple(part.shape) for part in made]
        right = [(*lead, T, C), (*lead, T, T)]
        told = f"returned the shapes {shapes[0]} and {shapes[1]}, not {right[0]} and {right[1]}"
        assert_holds(shapes == right, told, made)
        types = [str(part.dtype)[6:] for part in made]
        told = f"returned {types[0]} and {types[1]} for an input of {str(dtype)[6:]}"
        assert_holds(types == [str(dtype)[6:]] * 2, told, made)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_every_position_takes_from_every_other(kata, seed, shape):
    _, weights = kata.simple_attention(tensor(seed, *shape))
    for i, j in (~(weights > 0)).nonzero().tolist():
        told = f"returned weights in which position {i} takes {weights[i, j]:.4g} from position {j}"
        assert_holds(False, told, weights)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_the_weights_of_each_row_add_up_to_one(kata, seed, shape):
    _, weights = kata.simple_attention(tensor(seed, *shape))
    total = weights.sum(-1)
    i = int((total - 1).abs().argmax())
    told = f"returned weights of which row {i} adds up to {total[i]:.9g}"
    assert_holds(abs(float(total[i]) - 1) < 1e-9, told, weights)


@given(seed=seeds, shape=distinct(2))
@example(seed=1, shape=(4, 3))
def test_the_order_of_positions_does_not_matter(kata, seed, shape):
    x, p = tensor(seed, *shape), order(seed, shape[0])
    output, weights = kata.simple_attention(x.clone())
    permuted_output, permuted_weights = kata.simple_attention(x[p])
    assert_close(permuted_weights, weights[p][:, p])
    assert_close(permuted_output, output[p])


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_likeness_is_the_same_both_ways(kata, seed, shape):
    _, weights = kata.simple_attention(tensor(seed, *shape))
    w = weights.log()
    round_trip = w[:, :, None] + w[None] + w.mT[:, None]
    other_way = w[:, None] + w.mT[None] + w.mT[:, :, None]
    for i, j, k in ((round_trip - other_way).abs() > 1e-9).nonzero().tolist():
        a, b = float(round_trip[i, j, k].exp()), float(other_way[i, j, k].exp())
        told = f"returned weights with the product {a:.4g} round {i}, {j}, {k}, and {b:.4g} back"
        assert_holds(False, told, weights)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_likeness_is_the_dot_product(kata, seed, shape):
    x = tensor(seed, *shape)
    rows = [[dot(a, (b - x[0]).tolist()) for b in x] for a in x.tolist()]
    right = torch.tensor(rows, dtype=torch.float64)
    _, weights = kata.simple_attention(x.clone())
    found = weights.log() - weights.log()[:, :1]
    for i, j in (~((found - right).abs() < 1e-9)).nonzero().tolist():
        told = f"returned weights[{i}] with log(weights[{i}, {j}] / weights[{i}, 0]) = "
        told += f"{found[i, j]:.4g}; the dot products differ by {right[i, j]:.4g}"
        assert_holds(False, told, weights)


@given(seed=seeds, shape=distinct(2), length=st.sampled_from([1.0, 0.1, 3.0]))
@example(seed=0, shape=(3, 4), length=1.0)
def test_at_equal_length_each_prefers_itself(kata, seed, shape, length):
    x = tensor(seed, *shape)
    x = length * x / x.square().sum(-1, keepdim=True).sqrt()
    _, weights = kata.simple_attention(x)
    for i in range(shape[0]):
        own, most = float(weights[i, i]), float(weights[i].max())
        told = f"returned weights in which {i} takes {own:.4g} from itself and {most:.4g} elsewhere"
        assert_holds(own >= most - 1e-9, told, weights)


@given(seed=seeds, T=sizes, C=sizes)
@example(seed=0, T=3, C=4)
def test_equal_vectors_get_equal_weights(kata, seed, T, C):
    x = tensor(seed, T, C)
    output, weights = kata.simple_attention(torch.cat([x, x.flip(0)]))
    back = weights.flip(-1)
    assert_close(weights, back.clone())
    assert_close(weights, weights.flip(-2).clone())
    assert_close(output, output.flip(-2).clone())


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_identical_vectors_stay_as_they_are(kata, seed, shape):
    T, C = shape
    x = tensor(seed, 1, C).expand(T, C)
    output, weights = kata.simple_attention(x.clone())
    assert_close(weights, torch.full((T, T), 1 / T, dtype=torch.float64))
    assert_close(output, x)


@given(seed=seeds, T=sizes, a=st.sampled_from([1.0, 0.5, 2.0]))
@example(seed=0, T=3, a=1.0)
def test_vectors_at_right_angles_share_what_is_left(kata, seed, T, a):
    v = tensor(seed, 6, 1)
    frame = torch.eye(6).double() - 2 * v @ v.T / (
        v.T @ v
    )  # a mirror: its rows are at right angles
    _, weights = kata.simple_attention(a * frame[:T])
    total = exp(a**2) + T - 1
    right = torch.full((T, T), 1 / total, dtype=torch.float64)
    assert_close(weights, right.fill_diagonal_(exp(a**2) / total))


def test_vectors_at_right_angles_share_what_is_left__and_zeros_take_alike(kata):
    x = torch.cat([torch.zeros(1, 3).double(), tensor(0, 4, 3)])
    _, weights = kata.simple_attention(x)
    assert_close(weights[0], torch.full((5,), 0.2, dtype=torch.float64))


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_an_output_is_what_its_weights_tell(kata, seed, shape):
    x = tensor(seed, *shape)
    output, weights = kata.simple_attention(x.clone())
    assert_close(output, (weights[:, :, None] * x).sum(1))


@given(seed=seeds, kind=kinds, shape=distinct(2))
@example(seed=0, kind="normal", shape=(3, 4))
def test_no_output_leaves_the_range_of_the_input(kata, seed, kind, shape):
    x = tensor(seed, *shape, kind=kind)
    output, _ = kata.simple_attention(x.clone())
    slack = 1e-9 * (1 + x.abs().max())
    low, high = x.amin(0) - slack, x.amax(0) + slack
    for i, c in (~((low <= output) & (output <= high))).nonzero().tolist():
        told = f"returned an average with {output[i, c]:.4g} at coordinate {c}, where the input"
        told += f" lies between {x[:, c].min():.4g} and {x[:, c].max():.4g}"
        assert_holds(False, told, output)


@given(seed=seeds, shape=distinct(2), size=st.sampled_from([30.0, 1e3]))
@example(seed=0, shape=(3, 4), size=1e3)
def test_large_entries_do_no_harm(kata, seed, shape, size):
    x = size * tensor(seed, *shape, kind="integers")
    output, weights = kata.simple_attention(x.clone())
    right = by_the_definition(x)
    assert_close(weights, right[1])
    assert_close(output, right[0])


@given(seed=seeds, lead=leading, shape=distinct(2))
@example(seed=0, lead=(2,), shape=(3, 4))
def test_every_sequence_is_treated_by_itself(kata, seed, lead, shape):
    x = tensor(seed, *lead, *shape)
    parts = [kata.simple_attention(one.clone()) for one in x.reshape(-1, *shape)]
    together = kata.simple_attention(x.clone())
    for n, size in enumerate((shape[1], shape[0])):
        alone = torch.stack([part[n] for part in parts]) if parts else torch.zeros(0).double()
        assert_close(together[n], alone.reshape(*lead, shape[0], size))


def test_the_input_is_left_alone(kata):
    x = tensor(0, 3, 4)
    assert_leaves_alone(kata.simple_attention, x)
    output, _ = kata.simple_attention(x[:1])
    output += 1
    assert_equal(x, tensor(0, 3, 4))


@given(seed=seeds, shape=distinct(3))
@example(seed=0, shape=(2, 3, 4))
def test_the_gradient_is_that_of_the_definition(kata, seed, shape):
    for part in (0, 1):
        assert_same_gradients(
            lambda x, part=part: kata.simple_attention(x)[part],
            lambda x, part=part: differentiable(x)[part],
            tensor(seed, *shape),
        )


def test_the_work_is_your_own(kata, shortcuts):
    kata.simple_attention(tensor(0, 3, 4))
    assert_own_work(shortcuts)


@given(seed=seeds, kind=kinds, shape=distinct(3))
@example(seed=0, kind="normal", shape=(2, 3, 4))
def test_it_agrees_with_the_definition(kata, seed, kind, shape):
    x = tensor(seed, *shape, kind=kind)
    output, weights = kata.simple_attention(x.clone())
    right = [by_the_definition(one) for one in x]
    assert_close(weights, torch.stack([one[1] for one in right]))
    assert_close(output, torch.stack([one[0] for one in right]))
