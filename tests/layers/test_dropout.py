"""spec/layers/dropout.md, clause by clause.

Bounds on what chance does are so wide that no right solution misses them, however it draws.
"""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.modules import assert_parameters, assert_saved
from tests.tensor_laws import assert_gradient, assert_keeps_type, pull_back
from tests.tensors import distinct, kinds, leading, random, seeds, tensor

SHARES = (0.1, 0.3, 0.8)  # never 0.5, where 1 / p and 1 / (1 - p) are one
MANY = 1_000_000
shares = st.sampled_from(SHARES)


def ones():
    return torch.ones(MANY)


def drops(kata, p=0.3):
    """List the calls that drop with this p, each of which draws from torch's own generator."""
    return (lambda x: kata.dropout(x, p, True)), kata.Dropout(p).train()


def assert_multiplied(y, x, p):
    """Assert that each entry that is not zero is that of x, divided by the share kept."""
    kept = (y != 0) & (x != 0)
    factors, right = (y[kept] / x[kept]).double(), 1 / (1 - p)
    off = (factors / right - 1).abs()
    if off.numel():
        worst = factors[off.argmax()].item()
        told = f"multiplied an entry by {worst:.4g}, not by 1 / (1 - {p}) = {right:.4g}"
        assert_holds(bool(off.max() < 1e-6), told, y)  # x may be of float32


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(
    seed=seeds,
    kind=kinds,
    before=leading,
    shape=distinct(2),
    p=st.sampled_from((0.0, *SHARES)),
    training=st.booleans(),
)
@example(seed=0, kind="normal", before=(2,), shape=(3, 4), p=0.3, training=True)
def test_it_agrees_with_the_definition(kata, seed, kind, before, shape, p, training):
    for x in (tensor(seed, *before, *shape, kind=kind), tensor(seed, 1, *before, kind=kind)[0]):
        y = kata.dropout(x, p, training, random(seed))
        kept = x / (1 - p) if training else x
        if tuple(y.shape) == tuple(x.shape) and training:
            kept = kept.masked_fill(y == 0, 0.0)  # who is dropped is up to chance
        assert_close(y, kept)


@given(seed=seeds, shape=distinct(2), p=shares)
@example(seed=0, shape=(3, 4), p=0.3)
def test_outside_training_nothing_is_dropped(kata, seed, shape, p):
    x = tensor(seed, *shape)
    for generator in (random(seed), None):
        y = kata.dropout(x, p, False, generator)
        told = f"changed its input, with training=False: by the factors {brief_factors(y, x)}"
        assert_holds(torch.equal(y, x), told, y)
    assert_equal(kata.dropout(x, 1.0, training=False), x)


def brief_factors(y, x):
    """List what the entries were multiplied by."""
    found = (y / x).abs().flatten().tolist()
    return ", ".join(sorted({f"{factor:.3g}" for factor in found})[:3])


def test_outside_training_nothing_is_dropped__nor_where_p_is_zero(kata):
    x = tensor(0, 30, 40)
    assert_equal(kata.dropout(x, 0.0, True, random(0)), x)
    assert_equal(kata.Dropout(0)(x), x)


def test_the_share_that_is_dropped_is_p(kata):
    for p in (*SHARES, 0.25):
        y = kata.dropout(ones(), p, True, random(1))
        share = (y == 0).double().mean().item()
        told = f"dropped {share:.2f} of the entries, where p is {p:.2f}"
        assert_holds(abs(share - p) < 0.005, told, y)  # 10 standard deviations or more


@given(seed=seeds, shape=distinct(2), p=shares)
@example(seed=0, shape=(3, 4), p=0.3)
def test_what_is_kept_is_divided_by_the_share_kept(kata, seed, shape, p):
    x = tensor(seed, 100, *shape)
    assert_multiplied(kata.dropout(x, p, True, random(seed)), x, p)


def test_the_share_that_is_dropped_is_p__whatever_the_type(kata):
    for dtype in (torch.float16, torch.bfloat16):  # coarse numbers miss a p near 0 or 1
        for p in (0.01, 0.999):
            y = kata.dropout(torch.ones(1_000_000, dtype=dtype), p, True, random(1))
            share = (y == 0).double().mean().item()
            told = f"dropped {share:.4f} of the entries of {str(dtype)[6:]}, where p is {p}"
            assert_holds(abs(share - p) < 0.0007, told, y)  # 7 standard deviations or more


def test_on_average_an_entry_stays_what_it_was(kata):
    for p in SHARES:
        y = kata.dropout(ones(), p, True, random(2))
        mean = y.double().mean().item()
        told = f"made ones into entries of mean {mean:.2f}, where p is {p}"
        assert_holds(abs(mean - 1) < 0.02, told, y)  # 10 standard deviations or more


def test_every_entry_is_dropped_by_itself(kata):
    for p in (0.3, 0.8):
        dropped = kata.dropout(torch.ones(40, 50, 60), p, True, random(3)) == 0
        chance = p * p + (1 - p) * (1 - p)
        for axis, size in enumerate(dropped.shape):
            for step in (1, size // 2):
                left = size - step
                same = dropped.narrow(axis, 0, left) == dropped.narrow(axis, step, left)
                share = same.double().mean().item()
                told = f"treated {share:.2f} of all pairs {step} apart along axis {axis} alike"
                told += f"; by chance it would be {chance:.2f}"
                assert_holds(abs(share - chance) < 0.03, told, dropped)  # 9 standard deviations


def test_every_entry_is_dropped_by_itself__and_not_a_fixed_number(kata):
    generator = random(4)
    outputs = [kata.dropout(torch.ones(10), 0.3, True, generator) for _ in range(100)]
    counts = {int((y == 0).sum()) for y in outputs}
    told = f"dropped {min(counts)} of 10 entries in each of 100 calls"
    assert_holds(len(counts) > 1, f"{told}: that number is up to chance, too")


def test_the_next_call_draws_anew(kata):
    x, generator = torch.ones(50, 60), random(5)
    first, second = (kata.dropout(x, 0.3, True, generator) for _ in range(2))
    told = "dropped the same entries again, from a generator that was used before"
    assert_holds(not torch.equal(first, second), told, second)
    for call in drops(kata):
        told = "dropped the same entries at two calls"
        assert_holds(not torch.equal(call(x), call(x)), told)


def test_all_randomness_comes_from_the_generator(kata):
    x, before = torch.ones(50, 60), torch.get_rng_state()
    first, again, other = (kata.dropout(x, 0.3, True, random(s)) for s in (6, 6, 7))
    told = "dropped other entries for a second generator with the same seed"
    assert_holds(torch.equal(first, again), told, again)
    told = "dropped the same entries for a generator with another seed"
    assert_holds(not torch.equal(first, other), told, other)
    told = "moved torch's own generator, though it was given another"
    assert_holds(torch.equal(torch.get_rng_state(), before), told)


def test_all_randomness_comes_from_the_generator__or_from_that_of_torch(kata):
    x = torch.ones(50, 60)
    for call in drops(kata):
        before = torch.get_rng_state()
        first = call(x)
        torch.set_rng_state(before)
        told = "dropped other entries with torch's own generator at the same place"
        assert_holds(torch.equal(first, call(x)), told)


def test_a_p_of_one_drops_everything(kata):
    for call in (lambda x: kata.dropout(x, 1.0, True, random(0)), kata.Dropout(1)):
        x = tensor(0, 3, 4).requires_grad_()
        y = call(x)
        assert_holds(bool((y == 0).all()), "returned entries that are not 0, where p is 1", y)
        if y.requires_grad:
            pull_back(y, tensor(1, 3, 4))
            through = x.grad.abs().max().item()  # of nan, nan
            told = f"has a gradient of up to {through:.3g}, where everything is dropped"
            assert_holds(through == 0, told, y)


def test_a_p_outside_zero_to_one_is_refused(kata):
    for p in (1.5, -0.5):
        for training in (True, False):
            with assert_raises(ValueError, mentions=str(p)):
                kata.dropout(torch.ones(3), p, training)
        with assert_raises(ValueError, mentions=str(p)):
            kata.Dropout(p)


def test_the_module_follows_the_mode_of_its_model(kata):
    x = tensor(0, 100, 20)
    for drop, p in ((kata.Dropout(), 0.5), (kata.Dropout(0.1), 0.1), (kata.Dropout(p=0.8), 0.8)):
        assert_parameters(drop, {})
        assert_saved(drop, {})
        for _ in range(2):
            y = drop.eval()(x.clone())
            assert_holds(torch.equal(y, x), "changed its input after eval()", y)
            y = drop.train()(x.clone())
            share = (y == 0).double().mean().item()
            told = f"dropped {share:.1f} of the entries after train(), where p is {p}"
            assert_holds(abs(share - p) < 0.09, told, y)  # 8 standard deviations
            assert_multiplied(y, x, p)


@given(seed=seeds, shape=distinct(2), p=shares)
@example(seed=0, shape=(3, 4), p=0.3)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, p):
    cotangent = tensor(seed + 1, 10, *shape)
    for training in (True, False):
        x = tensor(seed, 10, *shape).requires_grad_()
        y = kata.dropout(x, p, training, random(seed))
        pull_back(y, cotangent)
        expected = cotangent / (1 - p) if training else cotangent
        if training:
            expected = expected.masked_fill(y == 0, 0.0)
        assert_gradient(y, "its first argument", x.grad, expected)


def test_the_mask_lies_where_the_input_lies(kata):
    assert_stays_on_device(kata.dropout, torch.ones(3, 4), 0.3, True)


def test_the_input_is_left_alone(kata):
    x = tensor(0, 30, 40)
    for training in (True, False):
        assert_leaves_alone(kata.dropout, x, 0.3, training, generator=random(0))
        assert_keeps_type(lambda dtype: kata.dropout, x, p=0.3, training=training)
    assert_leaves_alone(kata.Dropout(0.3), x)


def test_the_work_is_your_own(kata, shortcuts):
    kata.dropout(torch.ones(3, 4), 0.3, True)
    kata.Dropout()(torch.ones(3, 4))
    assert_own_work(shortcuts)
