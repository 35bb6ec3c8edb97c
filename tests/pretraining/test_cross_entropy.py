"""spec/pretraining/cross_entropy.md, clause by clause."""

from math import exp, fsum, isnan, log

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.tensor_laws import (
    assert_gradient,
    assert_keeps_type,
    assert_same_gradients,
    pull_back,
)
from tests.tensors import distinct, ids, kinds, random, seeds, sizes, some, tensor

some_axes = st.sampled_from([(), (2,), (3, 2), (2, 1, 3), (1, 4), (3, 3)])
marks = st.sampled_from([-100, -1, 0, 7, 99])  # an id or not, above all ids too


def cost(row, target):
    """Work one row out by the formula; the largest score is taken off, as an exact identity."""
    top = max(row)
    return log(fsum(exp(score - top) for score in row)) + (top - row[target])


def by_the_definition(logits, targets, ignore_index=-100):
    """Work out every row that counts by itself."""
    rows = zip(logits.reshape(-1, logits.shape[-1]).tolist(), targets.flatten(), strict=True)
    costs = [cost(row, int(target)) for row, target in rows if target != ignore_index]
    return torch.tensor(sum(costs) / len(costs), dtype=torch.float64)


def differentiable(logits, targets, ignore_index=-100):
    """Write the formula out for the rows that count, for scores that do not overflow."""
    rows = zip(logits.reshape(-1, logits.shape[-1]), targets.flatten(), strict=True)
    costs = [row.exp().sum().log() - row[t] for row, t in rows if t != ignore_index]
    return torch.stack(costs).mean()


def partly(seed, *shape, n, mark=-100):
    """Make targets of which some are marked, but not the first."""
    targets = ids(seed, *shape, n=n).masked_fill(~some(seed, *shape), mark)
    targets.view(-1)[:1] = 1
    return targets


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, axes=some_axes, n=sizes)
@example(seed=0, kind="normal", axes=(2, 3), n=4)
def test_it_agrees_with_the_definition(kata, seed, kind, axes, n):
    x, targets = tensor(seed, *axes, n + 1, kind=kind), partly(seed, *axes, n=n + 1)
    assert_close(kata.cross_entropy(x, targets.clone()), by_the_definition(x, targets))


@given(n=sizes, seed=seeds, height=st.sampled_from([0.0, 1.0, -3.0]))
@example(n=3, seed=0, height=0.0)
def test_equal_scores_cost_the_log_of_their_number(kata, n, seed, height):
    loss = kata.cross_entropy(torch.full((1, n), height).double(), ids(seed, 1, n=n))
    assert_close(
        loss, torch.tensor(log(n), dtype=torch.float64), atol=1e-6
    )  # the base is in question here


@given(seed=seeds, n=sizes)
@example(seed=0, n=3)
def test_costs_differ_as_the_scores_do(kata, seed, n):
    x = tensor(seed, 1, n + 1)
    first = float(kata.cross_entropy(x.clone(), torch.tensor([0])))
    for i in range(1, n + 1):
        loss = kata.cross_entropy(x.clone(), torch.tensor([i]))
        found, right = float(loss) - first, float(x[0, 0] - x[0, i])
        told = f"returned {found:.9g} more for the target {i} than for 0, and not {right:.9g}"
        assert_holds(abs(found - right) < 1e-6, told, loss)  # the base is in question here


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_the_loss_is_the_mean_over_the_rows(kata, seed, shape):
    x, targets = tensor(seed, *shape), ids(seed, shape[0], n=shape[1])
    rows = zip(x.split(1), targets.split(1), strict=True)
    alone = [kata.cross_entropy(row.clone(), target.clone()) for row, target in rows]
    assert_close(kata.cross_entropy(x, targets), sum(alone) / len(alone))


@given(seed=seeds, shape=distinct(2), mark=marks)
@example(seed=0, shape=(5, 4), mark=-100)
@example(seed=0, shape=(5, 4), mark=99)
def test_an_ignored_target_does_not_count(kata, seed, shape, mark):
    n, V = shape[0], shape[1] + 8
    x, targets = tensor(seed, n, V), partly(seed, n, n=V, mark=mark)
    counted = targets != mark
    alone = kata.cross_entropy(x[counted], targets[counted], mark)
    assert_close(kata.cross_entropy(x.clone(), targets.clone(), ignore_index=mark), alone)
    if mark == -100:
        assert_close(kata.cross_entropy(x.clone(), targets.clone()), alone)
    other = tensor(seed + 1, int((~counted).sum()), V)
    for scores in (3 * other, 1e308 * other.sign(), -1e308 * other.sign()):
        x[~counted] = scores
        assert_close(kata.cross_entropy(x.clone(), targets.clone(), mark), alone)


def test_where_no_target_counts_the_loss_is_nan(kata):
    nothing = (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    for x, targets in ((tensor(0, 2, 3), torch.full((2,), -100)), nothing):
        loss = kata.cross_entropy(x, targets)
        assert_holds(isnan(loss), f"returned {float(loss):.9g}, not nan", loss)
        assert_holds(loss.dim() == 0, f"returned shape {tuple(loss.shape)}, not ()", loss)


@given(seed=seeds, shape=distinct(2), height=st.sampled_from([1.0, 30.0, 1e4]))
@example(seed=1, shape=(2, 3), height=1e4)
def test_only_differences_count(kata, seed, shape, height):
    x, targets = tensor(seed, *shape, kind="integers"), ids(seed, shape[0], n=shape[1])
    moved = x + height * tensor(seed + 1, shape[0], 1).sign()
    assert_close(kata.cross_entropy(moved, targets.clone()), kata.cross_entropy(x, targets))


@given(seed=seeds, shape=distinct(2), size=st.sampled_from([1e3, 1e4, 1e100]))
@example(seed=0, shape=(3, 4), size=1e4)
def test_large_scores_do_no_harm(kata, seed, shape, size):
    x, targets = tensor(seed, *shape), ids(seed, shape[0], n=shape[1])
    assert_close(
        kata.cross_entropy(size * x, targets.clone()), by_the_definition(size * x, targets)
    )
    x[::2] *= size
    assert_close(kata.cross_entropy(x, targets.clone()), by_the_definition(x, targets))


def test_large_scores_do_no_harm__each_row_by_itself(kata):
    x = torch.tensor([[0.0, 0.0], [0.0, 5000.0], [-1e4, -9999.0], [1e4, 9999.0]]).double()
    for rows in (x, x[:2], x[2:]):
        targets = torch.zeros(len(rows), dtype=torch.int64)
        assert_close(kata.cross_entropy(rows, targets), by_the_definition(rows, targets))


@given(seed=seeds, axes=some_axes, n=sizes)
@example(seed=0, axes=(3, 3), n=3)
@example(seed=0, axes=(2, 3), n=4)
def test_leading_axes_are_rows(kata, seed, axes, n):
    x, targets = tensor(seed, *axes, n), ids(seed, *axes, n=n)
    listed = kata.cross_entropy(x.reshape(-1, n).clone(), targets.reshape(-1).clone())
    assert_close(kata.cross_entropy(x, targets), listed)


def test_leading_axes_are_rows__however_they_lie_in_memory(kata):
    x, targets = tensor(0, 4, 2, 3).movedim(0, -1), ids(0, 3, 2, n=4).mT
    listed = kata.cross_entropy(x.reshape(-1, 4), targets.reshape(-1))
    assert_close(kata.cross_entropy(x, targets), listed)


@given(seed=seeds, axes=some_axes, n=sizes)
@example(seed=0, axes=(5,), n=4)
def test_the_gradient_is_that_of_the_definition(kata, seed, axes, n):
    x, targets = tensor(seed, *axes, n + 1), partly(seed, *axes, n=n + 1)

    def call(x, targets):
        return torch.as_tensor(kata.cross_entropy(x, targets.clone())).reshape(1)

    assert_same_gradients(call, lambda *given: differentiable(*given).reshape(1), x, targets)


def test_the_gradient_is_that_of_the_definition__for_large_scores(kata):
    x = torch.tensor([[0.0, 0.0], [0.0, 1e4], [1e4, 0.0], [9.0, -1e4]]).double().requires_grad_()
    loss = kata.cross_entropy(x, torch.tensor([0, 0, 0, -100]))
    pull_back(loss, torch.tensor(6.0).double())
    right = torch.tensor([[-1.0, 1.0], [-2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]).double()
    assert_gradient(loss, "its first argument", x.grad, right)


def test_half_precision_is_computed_in_float32(kata):
    for dtype in (torch.float16, torch.bfloat16):
        sure, wide = torch.tensor([[0.0, -8.0]]), tensor(0, 2, 4096)
        many = torch.tensor([[0.0, 2.0]]).expand(257 if dtype == torch.bfloat16 else 2049, 2)
        for x in (sure, wide, many, 30 * tensor(1, 3000, 4), 30 * tensor(2, 3000, 4)):
            x, targets = x.to(dtype), torch.zeros(len(x), dtype=torch.int64)
            exact = by_the_definition(x.double(), targets).item()
            loss = kata.cross_entropy(x, targets)
            assert_holds(loss.dtype == dtype, f"returned {loss.dtype} for {dtype}", loss)
            told = f"returned {float(loss):.6g} for {str(dtype)[6:]}, not {exact:.6g}"
            once = 0.6 * torch.finfo(dtype).eps
            assert_holds(abs(float(loss) - exact) <= once * exact, told, loss)


def test_the_input_is_left_alone(kata):
    x, targets = torch.randn(3, 4, generator=random(0)), torch.tensor([0, -100, 3])
    assert_leaves_alone(kata.cross_entropy, x, targets)
    assert_keeps_type(lambda dtype: kata.cross_entropy, x, targets)
    assert_stays_on_device(kata.cross_entropy, x, targets)


def test_the_work_is_your_own(kata, shortcuts):
    kata.cross_entropy(tensor(0, 3, 4), torch.tensor([0, -100, 3]))
    assert_own_work(shortcuts)
