"""spec/attention/self_attention.md, clause by clause."""

from math import sqrt

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
from tests.modules import assert_parameters, assert_saved, assert_state_travels, loaded, values
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import distinct, kinds, random, seeds, tensor


def shapes(d_in, d_out, bias=False):
    weights = {f"{name}.weight": (d_out, d_in) for name in "qkv"}
    return weights | ({f"{name}.bias": (d_out,) for name in "qkv"} if bias else {})


def head(kata, given, bias=False):
    """Make a head of these parameters."""
    d_out, d_in = given["q.weight"].shape
    return loaded(kata.SelfAttention(d_in, d_out, bias), given)


def project(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def by_the_definition(given, x):
    """Work every position out by itself: its scores, its weights, its average."""
    q, k, v = (project(given, name, x) for name in "qkv")
    rows = []
    for t in range(x.shape[-2]):
        scores = (q[..., t : t + 1, :] * k).sum(-1) / sqrt(q.shape[-1])
        rows.append((torch.softmax(scores, -1)[..., None] * v).sum(-2))
    return torch.stack(rows, -2)


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


@given(seed=seeds, sizes=distinct(2), bias=st.booleans())
@example(seed=0, sizes=(3, 4), bias=True)
def test_a_position_alone_gives_its_own_value(kata, seed, sizes, bias):
    given, x = values(shapes(*sizes, bias), seed), tensor(seed + 9, 1, sizes[0])
    assert_close(head(kata, given, bias)(x), project(given, "v", x))


@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(3, 4, 2))
def test_equal_values_come_out_as_they_are(kata, seed, sizes):
    T, d_in, d_out = sizes
    given = values(shapes(d_in, d_out, True), seed)
    given["v.weight"] = torch.zeros(d_out, d_in, dtype=torch.float64)
    y = head(kata, given, True)(tensor(seed + 9, T, d_in))
    assert_close(y, given["v.bias"].expand(T, d_out))


@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(5, 3, 4))
def test_the_order_of_the_positions_does_not_matter(kata, seed, sizes):
    T, d_in, d_out = sizes
    one, x = head(kata, values(shapes(d_in, d_out), seed)), tensor(seed + 9, T, d_in)
    order = torch.randperm(T, generator=random(seed))
    still = one(x).detach()
    assert_close(one(x[order]), still[order])


@given(n=st.integers(3, 6), pair=st.permutations(range(3)))
@example(n=3, pair=[0, 2, 1])
def test_queries_ask_and_keys_answer(kata, n, pair):
    i, j = pair[:2]
    q, k = torch.zeros(2, n, n, dtype=torch.float64)
    q[0, i] = k[0, j] = 2.0
    given = {"q.weight": q, "k.weight": k, "v.weight": identity(n)}
    y = head(kata, given)(identity(n))
    told = f"gave position {i}, which asks, {y[i, j].item():.3f} of position {j}, which answers"
    assert_holds(y[i, j] > 1.1 / n, f"{told}; a plain average has {1 / n:.3f}", y)
    expected = torch.full((n, n), 1 / n, dtype=torch.float64)
    expected[i] = (1 - y[i, j].item()) / (n - 1)
    expected[i, j] = y[i, j].item()
    assert_close(y, expected)


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


@given(seed=seeds, sizes=distinct(2))
@example(seed=0, sizes=(3, 4))
def test_identity_matrices_make_it_simple_attention(kata, seed, sizes):
    T, d = sizes
    x = tensor(seed, T, d)
    one = head(kata, {name: identity(d) for name in shapes(d, d)})
    assert_close(one(d**0.25 * x), d**0.25 * torch.softmax(x @ x.mT, -1) @ x)


@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(3, 4, 2))
def test_the_bias_of_the_keys_changes_nothing(kata, seed, sizes):
    T, d_in, d_out = sizes
    given, x = values(shapes(d_in, d_out, True), seed), tensor(seed + 9, T, d_in)
    still = head(kata, given, True)(x).detach()
    moved = given | {"k.bias": given["k.bias"] + 3 * tensor(seed + 10, d_out)}
    assert_close(head(kata, moved, True)(x), still)


@given(seed=seeds, sizes=distinct(4))
@example(seed=0, sizes=(2, 3, 5, 4))
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes):
    B, T, d_in, d_out = sizes
    one, x = head(kata, values(shapes(d_in, d_out), seed)), tensor(seed + 9, 2, B, T, d_in)
    assert_batches(one, x)
    assert_batches(one, x[0])


def test_it_learns_three_matrices(kata):
    assert_parameters(kata.SelfAttention(4, 3), shapes(4, 3))
    assert_parameters(kata.SelfAttention(4, 3, bias=True), shapes(4, 3, True))
    one = head(kata, values(shapes(4, 3)))
    assert_saved(one, shapes(4, 3))
    assert_state_travels(one, kata.SelfAttention(4, 3), tensor(9, 5, 4))


def test_it_learns_three_matrices__that_begin_at_random(kata):
    one = kata.SelfAttention(4, 3)
    found = {name: p.detach().double() for name, p in one.named_parameters()}
    for name in found:
        told = f"begins with a `{name}` in which all numbers are alike"
        assert_holds(bool(found[name].std() > 0), told)
    for name, other in (("q", "k"), ("k", "v"), ("v", "q")):
        alike = torch.equal(found[f"{name}.weight"], found[f"{other}.weight"])
        assert_holds(not alike, f"begins with `{name}.weight` equal to `{other}.weight`")


@given(seed=seeds, sizes=distinct(4), bias=st.booleans())
@example(seed=0, sizes=(2, 5, 3, 4), bias=True)
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, bias):
    B, T, d_in, d_out = sizes
    given, x = values(shapes(d_in, d_out, bias), seed), tensor(seed + 9, B, T, d_in)
    assert_same_gradients(head(kata, given, bias), by_the_definition, x, parameters=given)


def test_the_input_is_left_alone(kata):
    for d_out in (4, 3):
        assert_leaves_alone(head(kata, values(shapes(4, d_out))), tensor(9, 2, 5, 4))
    assert_keeps_type(kata.SelfAttention(4, 3, True).to, tensor(9, 2, 5, 4))


def test_the_work_is_your_own(kata, shortcuts):
    one = kata.SelfAttention(4, 3)
    for shape in ((5, 4), (2, 5, 4), (1, 2, 5, 4)):
        one(tensor(9, *shape, dtype=torch.float32))
    assert_own_work(shortcuts)
