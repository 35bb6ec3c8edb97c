"""spec/gpt/sampling.md, clause by clause."""

from functools import partial
from math import exp, inf

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.draws import assert_drawn
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensor_laws import assert_batches, assert_keeps_type
from tests.tensors import random, seeds, tensor

V = 6
sizes = st.sampled_from([5, 3, 7, 2, 1])
warmth = st.sampled_from([0.7, 1.0, 2.5])
limits = st.one_of(st.none(), st.integers(1, 8))


def ranking(row):
    """List the ids of a row from the highest score on, of equal ones the lowest first."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


def staying(row, temperature, top_k, top_p):
    """Work out which ids of a row stay, by adding up one after another."""
    kept = ranking(row)[: 1 if temperature == 0 else top_k]
    if top_p is None or top_p == 1:
        return kept
    parts = [exp((row[i] - row[kept[0]]) / (temperature or 1)) for i in kept]
    fewest, so_far = [], 0.0
    for i, part in zip(kept, parts, strict=True):
        fewest.append(i)
        so_far += part / sum(parts)
        if so_far >= top_p:
            break
    return fewest


def by_the_definition(logits, temperature=1.0, top_k=None, top_p=None):
    """Work each row out by itself, in Python."""
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]).tolist():
        kept = staying(row, temperature, top_k, top_p)
        parts = {i: exp((row[i] - max(row)) / (temperature or 1)) for i in kept}
        rows.append([parts.get(i, 0.0) / sum(parts.values()) for i in range(len(row))])
    return torch.tensor(rows, dtype=logits.dtype).reshape(logits.shape)


def halfway(row, number, temperature=1.0, top_k=None):
    """Find a top_p that so many tokens are needed for, half a token away from any boundary."""
    kept = ranking(row)[:top_k]
    parts = [exp((row[i] - row[kept[0]]) / temperature) for i in kept]
    return (sum(parts[: number - 1]) + parts[number - 1] / 2) / sum(parts)


def assert_stay(probs, kept):
    """Assert that these ids of a row stay and no others."""
    __tracebackhide__ = True
    found = probs.nonzero().flatten().tolist()
    told = f"left the ids {found} possible; what stays is {sorted(kept)}"
    assert_holds(found == sorted(kept), told, probs)


@given(seed=seeds, n=sizes, temperature=warmth)
@example(seed=0, n=5, temperature=2.5)
def test_the_temperature_divides_the_scores(kata, seed, n, temperature):
    row = tensor(seed, n)
    probs = kata.next_token_probs(row, temperature)
    (first, *others) = ranking(row.tolist())
    for i in others:
        ratio, gap = (probs[first] / probs[i]).item(), (row[first] - row[i]).item()
        right = exp(gap / temperature)
        told = f"made ids whose scores differ by {gap:.4g} differ by the factor {ratio:.6g}: "
        told += f"exp({gap:.4g} / {temperature}) is {right:.6g}"
        assert_holds(abs(ratio / right - 1) < 1e-9, told, probs)


def test_the_temperature_divides_the_scores__and_what_stays_adds_up_to_one(kata):
    logits = 1000 + tensor(0, 5)
    assert_close(kata.next_token_probs(logits), by_the_definition(logits))
    for limit in ({}, {"top_k": 2}, {"top_p": 0.6}, {"top_k": 4, "top_p": 0.9}):
        total = kata.next_token_probs(logits, 0.7, **limit).sum().item()
        told = f"returned probabilities that add up to {total:.9g}"
        assert_holds(abs(total - 1) < 1e-9, told)


@given(seed=seeds, n=sizes)
@example(seed=0, n=5)
def test_a_temperature_of_zero_leaves_the_best_token_alone(kata, seed, n):
    row = tensor(seed, n)
    alone = (torch.arange(n) == ranking(row.tolist())[0]).double()
    for temperature in (0, 1e-300):
        for size, top_k, top_p in ((1, None, None), (1e10, None, None), (1, 1, 0.7)):
            for dtype in (torch.float64, torch.float32):
                probs = kata.next_token_probs((size * row).to(dtype), temperature, top_k, top_p)
                assert_equal(probs, alone.to(dtype))
    hidden = torch.tensor([3.0, 1.0, -inf])
    assert_close(kata.next_token_probs(hidden, 1e300), torch.tensor([0.5, 0.5, 0.0]))
    shares = kata.next_token_probs(hidden.double(), 1e300)
    assert_close(shares, torch.tensor([0.5, 0.5, 0.0]).double())


@given(seed=seeds, n=sizes)
@example(seed=0, n=5)
def test_every_token_keeps_its_place(kata, seed, n):
    row, order = tensor(seed, n), torch.randperm(n, generator=random(seed))
    probs = kata.next_token_probs(row)
    likeliest, highest = probs.argmax().item(), row.argmax().item()
    told = f"made {likeliest} the likeliest id; {highest} has the highest score"
    assert_holds(likeliest == highest, told, probs)
    assert_close(kata.next_token_probs(row[order]), probs[order])


def test_every_token_keeps_its_place__in_every_row(kata):
    call = partial(kata.next_token_probs, temperature=0.7, top_k=4, top_p=0.77)
    for shape in ((3, V), (2, 3, V), (2, 1, 3, V)):
        assert_batches(call, tensor(0, *shape))
    assert_batches(call, tensor(0, 3, 2, 4, V).transpose(0, 2))


@given(seed=seeds, n=sizes, top_k=st.integers(1, 8))
@example(seed=0, n=5, top_k=2)
@example(seed=0, n=5, top_k=6)
def test_the_k_likeliest_tokens_stay(kata, seed, n, top_k):
    row = tensor(seed, n)
    assert_stay(kata.next_token_probs(row, top_k=top_k), ranking(row.tolist())[:top_k])


def test_the_k_likeliest_tokens_stay__and_none_of_minus_infinity(kata):
    row = torch.tensor([-inf, 1.0, -inf, 2.0, 0.0])
    for limit in ({}, {"top_k": 4}, {"top_p": 0.999}, {"top_p": 1.0}, {"top_k": 4, "top_p": 0.9}):
        for temperature in (0, 0.5, 3.0):
            probs = kata.next_token_probs(row, temperature, **limit)
            told = "gave nan, or a chance to an id whose score is minus infinity"
            good = probs.isfinite().all() and not probs[[0, 2]].any()
            assert_holds(bool(good), told, probs)
    assert_stay(kata.next_token_probs(row, top_k=4), [1, 3, 4])


@given(seed=seeds, n=sizes, top_k=st.integers(1, 7))
@example(seed=0, n=7, top_k=3)
@example(seed=0, n=7, top_k=1)
def test_of_equal_scores_the_lower_id_stays(kata, seed, n, top_k):
    row = tensor(seed, n).sign()
    assert_stay(kata.next_token_probs(row, top_k=top_k), ranking(row.tolist())[:top_k])
    assert_stay(kata.next_token_probs(torch.zeros(5000), top_k=top_k), range(top_k))
    assert_stay(kata.next_token_probs(torch.zeros(5), top_p=0.5), [0, 1, 2])
    assert_stay(kata.next_token_probs(torch.tensor([0.0, 1, 1, 1]), temperature=0), [1])


@given(seed=seeds, n=sizes, number=st.integers(1, 7))
@example(seed=0, n=5, number=3)
@example(seed=0, n=5, number=1)
def test_the_fewest_tokens_that_reach_top_p_stay(kata, seed, n, number):
    row, number = tensor(seed, n), min(number, n)
    probs = kata.next_token_probs(row, top_p=halfway(row.tolist(), number))
    assert_stay(probs, ranking(row.tolist())[:number])


def test_the_fewest_tokens_that_reach_top_p_stay__at_the_ends_and_in_half_precision(kata):
    row = torch.tensor([-100.0, 2.0, -300.0], dtype=torch.float64)
    assert_stay(kata.next_token_probs(row, top_p=0), [1])
    assert_stay(kata.next_token_probs(row, top_p=1), [0, 1, 2])
    for top_p, number in ((0.25, 1), (0.5, 2), (0.51, 3), (0.75, 3)):  # each has exactly 1/4
        assert_stay(kata.next_token_probs(torch.zeros(4), top_p=top_p), range(number))
    for dtype in (torch.float16, torch.bfloat16):
        probs = kata.next_token_probs(torch.zeros(4800, dtype=dtype), top_p=0.4999)
        assert_stay(probs, range(2400))  # 1 / 4800 is rounded in both types


@given(seed=seeds, number=st.integers(1, 3), top_k=st.integers(3, 6), temperature=warmth)
@example(seed=0, number=2, top_k=3, temperature=2.5)
@example(seed=0, number=2, top_k=3, temperature=0.7)
def test_temperature_comes_first_then_top_k_then_top_p(kata, seed, number, top_k, temperature):
    row = tensor(seed, V)
    top_p = halfway(row.tolist(), number, temperature, top_k)
    steps = kata.next_token_probs(row / temperature)
    steps = kata.next_token_probs(steps.log(), top_k=top_k)
    steps = kata.next_token_probs(steps.log(), top_p=top_p)
    whole = kata.next_token_probs(row, temperature, top_k, top_p)
    assert_stay(whole, steps.nonzero().flatten().tolist())


def test_values_out_of_range_are_refused(kata):
    for name, wrong in (("temperature", [-1.5]), ("top_k", [0, -2]), ("top_p", [-0.25, 1.25])):
        for value in wrong:
            for named in (name, str(value)):
                with assert_raises(ValueError, mentions=named):
                    kata.next_token_probs(torch.zeros(3), **{name: value})


def test_every_id_is_drawn_as_often_as_its_probability_says(kata):
    for probs in ([0.5, 0.0, 0.25, 0.15, 0.07, 0.03, 0.0], [0.1, 0.9]):
        row = torch.tensor(probs, dtype=torch.float64)
        for dtype in (torch.float64, torch.float32):
            drawn = kata.sample(row.to(dtype).expand(20_000, -1), random(1))
            assert_drawn(drawn, row)
        generator = random(2)
        assert_drawn(torch.stack([kata.sample(row, generator) for _ in range(400)]), row)
    many = torch.full((1024,), 1 / 1024, dtype=torch.float64)
    assert_drawn(kata.sample(many.bfloat16().expand(2048, -1), random(3)), many)


def test_every_row_is_drawn_by_itself(kata):
    for shape in ((), (3,), (2, 3), (4, 1, 2), (0,), (2, 0)):
        right = torch.randint(5, shape, generator=random(0))
        probs = torch.nn.functional.one_hot(right, 5).double()
        assert_equal(kata.sample(probs, random(0)), right)
    right = torch.randint(5, (3, 2), generator=random(0))
    probs = torch.nn.functional.one_hot(right, 5).double().transpose(0, 1)
    assert_equal(kata.sample(probs, random(0)), right.T)
    drawn = kata.sample(torch.full((2, 5000, 2), 0.5), random(4))
    for a, b in ((drawn[:, 1:], drawn[:, :-1]), (drawn[0], drawn[1])):
        share = (a == b).double().mean().item()
        told = f"drew the same id for two rows in {share:.3f} of all cases; by chance it is 0.5"
        assert_holds(abs(share - 0.5) < 0.05, told, drawn)  # 7 standard deviations or more


def test_all_randomness_comes_from_the_generator(kata):
    probs, before = torch.full((50, 100), 0.01), torch.get_rng_state()
    generator = random(6)
    first, second = (kata.sample(probs, generator) for _ in range(2))
    again, other = (kata.sample(probs, random(seed)) for seed in (6, 7))
    for good, told in (
        (torch.equal(first, again), "drew other ids with a second generator of the same seed"),
        (not torch.equal(first, other), "drew the same ids with a generator of another seed"),
        (not torch.equal(first, second), "drew the same ids again, from a generator used before"),
        (torch.equal(torch.get_rng_state(), before), "moved torch's own generator"),
    ):
        assert_holds(good, told)


def test_the_input_is_left_alone(kata):
    for dtype in (torch.float64, torch.float32):
        for limits in ({}, {"temperature": 0.5, "top_k": 3, "top_p": 0.7}, {"temperature": 0}):
            assert_leaves_alone(kata.next_token_probs, tensor(0, 2, V, dtype=dtype), **limits)
    assert_leaves_alone(partial(kata.sample, generator=random(0)), torch.full((2, 5), 0.2))
    halves = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    assert_keeps_type(lambda _: kata.next_token_probs, tensor(0, 2, V), types=halves, top_k=3)
    assert_stays_on_device(kata.next_token_probs, torch.zeros(2, V), 0.5, 3, 0.7)


@given(
    seed=seeds,
    kind=st.sampled_from(["normal", "integers", "zeros", "large"]),
    shape=st.sampled_from([(2, 3), (4,), (2, 1, 5)]),
    temperature=st.sampled_from([0, 0.7, 1.0, 2.5]),
    top_k=limits,
    top_p=st.sampled_from([None, 0, 0.313, 0.619, 0.907, 1]),
)
@example(seed=0, kind="normal", shape=(2, 5), temperature=0.7, top_k=4, top_p=0.907)
def test_it_agrees_with_the_definition(kata, seed, kind, shape, temperature, top_k, top_p):
    logits = tensor(seed, *shape, kind=kind)
    returned = kata.next_token_probs(logits, temperature, top_k, top_p)
    assert_close(returned, by_the_definition(logits, temperature, top_k, top_p))


def test_it_agrees_with_the_definition__in_half_types_too(kata):
    for dtype in (torch.float16, torch.bfloat16):
        logits, eps = (3 * tensor(0, 4, 50)).to(dtype), torch.finfo(dtype).eps
        for limits in ((0.7, 20, 0.9), (0.7,)):
            once = kata.next_token_probs(logits.float(), *limits).to(dtype)
            probs = kata.next_token_probs(logits, *limits)
            assert_close(probs, once, rtol=eps, atol=1e-7)  # float64 may round the other way


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
