"""spec/attention/causal_attention.md, clause by clause."""

from math import sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.modules import assert_parameters, assert_saved, assert_state_travels, loaded, values
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, kinds, seeds, tensor

SEQUENCES = 2000  # in one call, each with its own weights dropped
ERROR = 6 * sqrt(0.25 / SEQUENCES)  # six standard deviations of a share of them


def drawn(law):
    """Draw a seed and T, d_in and d_out, no two alike."""
    pinned = example(seed=0, sizes=(5, 3, 4))(law)
    return settings(max_examples=4)(given(seed=seeds, sizes=distinct(3))(pinned))


def shapes(d_in, d_out, bias=False):
    weights = {f"{name}.weight": (d_out, d_in) for name in "qkv"}
    return weights | ({f"{name}.bias": (d_out,) for name in "qkv"} if bias else {})


def made(kata, seed, sizes, *batch, bias=False, **options):
    """Make parameters, a head of them, in evaluation, and an input."""
    T, d_in, d_out = sizes
    given = values(shapes(d_in, d_out, bias), seed)
    return given, head(kata, given, **options), tensor(seed + 9, *batch, T, d_in)


def head(kata, given, training=False, **options):
    """Make a head of these parameters."""
    d_out, d_in = given["q.weight"].shape
    one = loaded(kata.CausalAttention(d_in, d_out, "q.bias" in given, **options), given)
    one.train(training)
    return one


def project(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def by_the_definition(given, x):
    """Work every position out from itself and those before it, and nothing else."""
    q, k, v = (project(given, name, x) for name in "qkv")
    rows = []
    for t in range(x.shape[-2]):
        past = slice(t + 1)
        scores = (q[..., t : t + 1, :] * k[..., past, :]).sum(-1) / sqrt(q.shape[-1])
        rows.append((torch.softmax(scores, -1)[..., None] * v[..., past, :]).sum(-2))
    return torch.stack(rows, -2)


def last(given, x):
    """Work out the last position, which sees all there is."""
    q, k, v = (project(given, name, x) for name in "qkv")
    return torch.softmax(q[-1] @ k.mT / sqrt(q.shape[-1]), -1) @ v


def identity(n):
    return torch.eye(n, dtype=torch.float64)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, sizes=distinct(3), bias=st.booleans())
@example(seed=0, kind="normal", sizes=(5, 3, 4), bias=True)
def test_it_agrees_with_the_definition(kata, seed, kind, sizes, bias):
    given, one, _ = made(kata, seed, sizes, bias=bias)
    x = tensor(seed + 9, 2, *sizes[:2], kind=kind)
    assert_close(one(x), by_the_definition(given, x), atol=1e-8)  # large: 1e3


@drawn
def test_a_prefix_stands_alone(kata, seed, sizes):
    _, one, x = made(kata, seed, sizes)
    for t in range(1, len(x)):
        assert_close(one(x)[:t], one(x[:t]).detach())


@drawn
def test_the_first_position_gives_its_own_value(kata, seed, sizes):
    for bias in (False, True):
        given, one, x = made(kata, seed, sizes, bias=bias)
        assert_close(one(x)[:1], project(given, "v", x[:1]))
        assert_close(one(x[:1]), project(given, "v", x[:1]))


@drawn
def test_equal_values_come_out_as_they_are(kata, seed, sizes):
    given, _, x = made(kata, seed, sizes, bias=True)
    given["v.weight"] *= 0
    assert_close(head(kata, given)(x), given["v.bias"].expand(len(x), -1))


@drawn
def test_no_gradient_comes_from_the_future(kata, seed, sizes):
    _, one, x = made(kata, seed, sizes)
    for t, there in enumerate(gradients_by_position(one, x)):
        told = f"lets output {t} depend on position"
        for s in range(t + 1, len(x)):
            assert_holds(there[s] == 0, f"{told} {s}, by a gradient of {there[s]:.3g}")


@drawn
def test_every_past_position_counts(kata, seed, sizes):
    _, one, x = made(kata, seed, sizes)
    for t, there in enumerate(gradients_by_position(one, x)):
        for s in range(t + 1):
            told = f"gave an output {t} that does not depend on position {s}"
            assert_holds(there[s] > 0, told)


def gradients_by_position(one, x):
    """Return for each output how large its gradient is at each position."""
    for t in range(len(x)):
        leaf = x.clone().requires_grad_()
        y = one(leaf)
        pull_back(y[t], tensor(t, y.shape[-1]))
        yield gradient(leaf).abs().amax(-1).tolist()


@drawn
def test_the_last_output_is_that_of_self_attention(kata, seed, sizes):
    given, one, x = made(kata, seed, sizes)
    assert_close(one(x)[-1], last(given, x))


@drawn
def test_scores_are_divided_by_the_root_of_d_out(kata, seed, sizes):
    given, one, x = made(kata, seed, sizes)
    nothing = torch.zeros(3 * sizes[2], sizes[1], dtype=torch.float64)
    longer = {name: torch.cat([weight, nothing]) for name, weight in given.items()}
    longer["q.weight"] *= 2
    expected = torch.cat([one(x).detach(), torch.zeros(len(x), 3 * sizes[2]).double()], -1)
    assert_close(head(kata, longer)(x), expected)


@drawn
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes):
    _, one, x = made(kata, seed, sizes, 2, 3)
    assert_batches(one, x)
    assert_batches(one, x[0])


def test_any_length_will_do(kata):
    given, one, _ = made(kata, 0, (2, 3, 4))
    for T in (2, 1, 5, 1030, 3):
        x = tensor(T, T, 3)
        assert_close(one(x)[-1], last(given, x))


def test_dropout_acts_in_training_alone(kata):
    given, one, x = made(kata, 0, (5, 3, 4), 2)
    still = one(x).detach()
    assert_close(head(kata, given, dropout=0.7)(x), still)
    assert_close(head(kata, given, training=True)(x), still)


def test_each_weight_is_dropped_or_scaled_up(kata):
    x = torch.eye(4, dtype=torch.float64)  # values are x twice over, so outputs are the weights
    given = values(shapes(4, 8)) | {"v.weight": torch.cat([x, x])}
    for p in (0.2, 0.7):
        whole = head(kata, given)(x).detach()[:, :4]
        there = head(kata, given, training=True, dropout=p)(x.expand(SEQUENCES, 4, 4)).detach()
        first, second = there.chunk(2, -1)
        gone = (first == 0)[:, whole > 0].double()  # (SEQUENCES, weights)
        both = (gone.T @ gone / SEQUENCES)[~torch.eye(len(gone.T)).bool()]
        scale = (first / whole.where(whole > 0, 1.0))[first != 0]
        for found, right, most, told in (
            ((first - second).flatten(), 0.0, 1e-9, "made of equal entries entries that differ by"),
            (gone.mean(0), p, ERROR, "dropped a weight in a share of"),
            (both, p * p, ERROR, "dropped two weights at once in a share of"),
            (scale, 1 / (1 - p), 1e-9, "multiplied a weight by"),
        ):
            worst = found[(found - right).abs().argmax()].item()
            assert_holds(abs(worst - right) < most, f"{told} {worst:.4g}, not {right:.4g}", there)


def test_only_what_is_learned_is_saved(kata):
    assert_parameters(kata.CausalAttention(4, 3), shapes(4, 3))
    assert_parameters(kata.CausalAttention(4, 3, bias=True), shapes(4, 3, True))
    one, fresh = (head(kata, values(shapes(4, 3), seed)) for seed in (0, 9))
    one(tensor(9, 5, 4))
    assert_saved(one, shapes(4, 3))
    assert_state_travels(one, fresh, tensor(9, 6, 4))


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes):
    given, one, x = made(kata, seed, sizes, 2, bias=seed % 2 == 0)
    assert_same_gradients(one, by_the_definition, x, parameters=given)


def test_the_input_is_left_alone(kata):
    for d_out in (4, 3):
        assert_leaves_alone(head(kata, values(shapes(4, d_out))), tensor(9, 2, 5, 4))
    assert_keeps_type(kata.CausalAttention(4, 3, True).to, tensor(9, 2, 5, 4))


def test_it_works_where_its_input_lies(kata):
    one = kata.CausalAttention(4, 3, dropout=0.2).to("meta")
    assert_stays_on_device(one, tensor(9, 2, 5, 4, dtype=torch.float32))


def test_the_work_is_your_own(kata, shortcuts):
    one = kata.CausalAttention(4, 3, dropout=0.2)
    for shape in ((5, 4), (2, 5, 4), (1, 2, 5, 4)):
        for mode in (True, False):
            one.train(mode)
            one(tensor(9, *shape, dtype=torch.float32))
    assert_own_work(shortcuts)
