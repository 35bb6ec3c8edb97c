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
    assert_repeats,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, kinds, seeds, tensor

few = settings(max_examples=20)
SEQUENCES = 4000  # in one call, each with its own weights dropped


def shapes(d_in, d_out, bias=False):
    weights = {f"{name}.weight": (d_out, d_in) for name in "qkv"}
    return weights | ({f"{name}.bias": (d_out,) for name in "qkv"} if bias else {})


def head(kata, given, bias=False, **options):
    """Make a head of these parameters, in evaluation."""
    d_out, d_in = given["q.weight"].shape
    made = loaded(kata.CausalAttention(d_in, d_out, bias, **options), given)
    made.eval()
    return made


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


@given(seed=seeds, kind=kinds, sizes=distinct(4), bias=st.booleans())
@example(seed=0, kind="normal", sizes=(2, 5, 3, 4), bias=True)
@example(seed=0, kind="normal", sizes=(1, 3, 4, 2), bias=False)
def test_it_agrees_with_the_definition(kata, seed, kind, sizes, bias):
    B, T, d_in, d_out = sizes
    given = values(shapes(d_in, d_out, bias), seed)
    x = tensor(seed + 9, B, T, d_in, kind=kind)
    assert_close(head(kata, given, bias)(x), by_the_definition(given, x), atol=1e-8)  # large: 1e3


@few
@given(seed=seeds, sizes=distinct(2), T=st.integers(2, 7))
@example(seed=0, sizes=(3, 4), T=4)
def test_a_prefix_stands_alone(kata, seed, sizes, T):
    one, x = head(kata, values(shapes(*sizes), seed)), tensor(seed + 9, T, sizes[0])
    for t in range(1, T):
        alone = one(x[:t]).detach()
        assert_close(one(x)[:t], alone)


@few
@given(seed=seeds, sizes=distinct(2), T=st.integers(1, 7), bias=st.booleans())
@example(seed=0, sizes=(3, 4), T=1, bias=True)
@example(seed=0, sizes=(3, 4), T=5, bias=False)
def test_the_first_position_gives_its_own_value(kata, seed, sizes, T, bias):
    given, x = values(shapes(*sizes, bias), seed), tensor(seed + 9, T, sizes[0])
    assert_close(head(kata, given, bias)(x)[:1], project(given, "v", x[:1]))


@few
@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(5, 3, 4))
def test_equal_values_come_out_as_they_are(kata, seed, sizes):
    T, d_in, d_out = sizes
    given = values(shapes(d_in, d_out, True), seed)
    given["v.weight"] = torch.zeros(d_out, d_in, dtype=torch.float64)
    y = head(kata, given, True)(tensor(seed + 9, T, d_in))
    assert_close(y, given["v.bias"].expand(T, d_out))


@few
@given(seed=seeds, sizes=distinct(2), T=st.integers(2, 7))
@example(seed=0, sizes=(3, 4), T=5)
def test_no_gradient_comes_from_the_future(kata, seed, sizes, T):
    one, x = head(kata, values(shapes(*sizes), seed)), tensor(seed + 9, T, sizes[0])
    for t, there in enumerate(gradients_by_position(one, x)):
        future = there[t + 1 :].abs()
        worst = t + 1 + int(future.argmax()) if len(future) else 0
        told = f"lets output {t} depend on position {worst}, by a gradient of {there[worst]:.3g}"
        assert_holds(not future.any(), told)


@few
@given(seed=seeds, sizes=distinct(2), T=st.integers(2, 7))
@example(seed=0, sizes=(3, 4), T=5)
def test_every_past_position_counts(kata, seed, sizes, T):
    one, x = head(kata, values(shapes(*sizes), seed)), tensor(seed + 9, T, sizes[0])
    for t, there in enumerate(gradients_by_position(one, x)):
        least = int(there[: t + 1].argmin())
        told = f"gave an output {t} that does not depend on position {least}"
        assert_holds(bool(there[least] > 0), told)


def gradients_by_position(one, x):
    """Return for each output how large its gradient is at each position."""
    for t in range(len(x)):
        leaf = x.clone().requires_grad_()
        y = one(leaf)
        pull_back(y[t], tensor(t, y.shape[-1]))
        yield gradient(leaf).abs().amax(-1)


@few
@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(5, 3, 4))
def test_the_last_position_is_that_of_self_attention(kata, seed, sizes):
    T, d_in, d_out = sizes
    given, x = values(shapes(d_in, d_out), seed), tensor(seed + 9, T, d_in)
    assert_close(head(kata, given)(x)[-1], last(given, x))


@few
@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(3, 4, 2))
def test_the_scores_are_divided_by_the_root_of_d_out(kata, seed, sizes):
    T, d_in, d_out = sizes
    given, x = values(shapes(d_in, d_out), seed), tensor(seed + 9, T, d_in)
    nothing = torch.zeros(3 * d_out, d_in, dtype=torch.float64)
    longer = {name: torch.cat([weight, nothing]) for name, weight in given.items()}
    longer["q.weight"] = 2 * longer["q.weight"]
    short = head(kata, given)(x).detach()
    expected = torch.cat([short, torch.zeros(T, 3 * d_out, dtype=torch.float64)], -1)
    assert_close(head(kata, longer)(x), expected)


@few
@given(seed=seeds, sizes=distinct(4))
@example(seed=0, sizes=(2, 3, 5, 4))
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes):
    B, T, d_in, d_out = sizes
    one, x = head(kata, values(shapes(d_in, d_out), seed)), tensor(seed + 9, 2, B, T, d_in)
    assert_batches(one, x)
    assert_batches(one, x[0])


def test_any_length_will_do(kata):
    given = values(shapes(3, 4))
    one = head(kata, given)
    for T in (2, 1, 5, 1030, 3):
        x = tensor(T, T, 3)
        assert_close(one(x)[-1], last(given, x))


def in_training(one, x):
    """Call it in training, at a fixed state of what is random."""
    one.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return one(x)


def test_dropout_acts_in_training_alone(kata):
    given, x = values(shapes(3, 4)), tensor(9, 2, 5, 3)
    one = head(kata, given, dropout=0.7)
    assert_repeats(one, x)
    assert_close(one(x), by_the_definition(given, x))
    y = in_training(one, x)
    told = "gave in training what it gives in evaluation, with dropout=0.7"
    assert_holds(bool((y - by_the_definition(given, x)).abs().max() > 1e-6), told)


def test_dropout_acts_in_training_alone__and_by_default_not_at_all(kata):
    given, x = values(shapes(3, 4)), tensor(9, 2, 5, 3)
    assert_close(in_training(head(kata, given), x), by_the_definition(given, x))


def dropped(kata, p, n=4):
    """Return the weights in evaluation, and those of many sequences in training.

    Values are the sequence itself, twice over, so that an output is two copies of its weights.
    """
    given = values(shapes(n, 2 * n)) | {"v.weight": torch.cat([identity(n), identity(n)])}
    one = head(kata, given, dropout=p)
    whole = one(identity(n)).detach()[:, :n]
    return whole, in_training(one, identity(n).expand(SEQUENCES, n, n)).detach()


def test_a_dropped_weight_takes_its_whole_value_along(kata):
    for p in (0.2, 0.7):
        there = dropped(kata, p)[1]
        first, second = there.chunk(2, -1)
        different = int((first != second).sum())
        told = f"dropped parts of values: of {first.numel()} pairs of equal entries {different}"
        assert_holds(different == 0, f"{told} came out unequal, with dropout={p}", there)


def test_what_is_not_dropped_is_scaled_up(kata):
    for p in (0.2, 0.7):
        whole, there = dropped(kata, p)
        there = there[..., : len(whole)]
        kept = there != 0
        assert_holds(bool(kept.any()), f"returned nothing but zeros for dropout={p}", there)
        ratio = (there / whole.where(whole > 0, 1.0))[kept]
        worst = ratio[(ratio * (1 - p) - 1).abs().argmax()].item()
        told = f"gave a weight {worst:.6g} times as large as without dropout, not 1 / (1 - {p})"
        assert_holds(abs(worst * (1 - p) - 1) < 1e-9, told, there)


def test_each_weight_is_dropped_by_itself(kata):
    for p in (0.2, 0.7):
        whole, there = dropped(kata, p)
        gone = (there[..., : len(whole)] == 0)[:, whole > 0].double()  # (SEQUENCES, weights)
        alone, both = gone.mean(0), gone.T @ gone / SEQUENCES
        both = both[~torch.eye(len(both)).bool()]
        for found, right, what in ((alone, p, "a weight"), (both, p * p, "two weights at once")):
            worst = found[(found - right).abs().argmax()].item()
            told = f"dropped {what} in a share of {worst:.3f} of {SEQUENCES} sequences"
            sure = abs(worst - right) < 6 * sqrt(0.25 / SEQUENCES)  # six standard deviations
            assert_holds(sure, f"{told}, not {right:.2f}, with dropout={p}", there)


def test_only_what_is_learned_is_saved(kata):
    assert_parameters(kata.CausalAttention(4, 3), shapes(4, 3))
    assert_parameters(kata.CausalAttention(4, 3, bias=True), shapes(4, 3, True))
    one = head(kata, values(shapes(4, 3)))
    one(tensor(9, 5, 4))
    assert_saved(one, shapes(4, 3))
    fresh = kata.CausalAttention(4, 3)
    fresh.eval()
    assert_state_travels(one, fresh, tensor(9, 6, 4))


@few
@given(seed=seeds, sizes=distinct(4), bias=st.booleans())
@example(seed=0, sizes=(2, 5, 3, 4), bias=True)
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, bias):
    B, T, d_in, d_out = sizes
    given, x = values(shapes(d_in, d_out, bias), seed), tensor(seed + 9, B, T, d_in)
    assert_same_gradients(head(kata, given, bias), by_the_definition, x, parameters=given)


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
