"""spec/finetuning/dpo.md, clause by clause."""

from math import exp, fsum, log, log1p

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import assert_close, assert_examples, assert_holds, assert_leaves_alone
from tests.tensor_laws import (
    assert_batches,
    assert_gradient,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, ids, seeds, sizes, some, tensor

marks = st.sampled_from([-100, -1, 0, 99])  # an id or not
betas = st.sampled_from([0.1, 0.5, 1.0, 2.0])
WIDE = torch.float64


def partly(seed, *shape, n, mark=-100):
    """Make targets of which some are marked."""
    return ids(seed, *shape, n=n).masked_fill(~some(seed, *shape), mark)


def by_hand(logits, targets, mark=-100):
    """Add the logs of the shares up, target by target."""
    rows = []
    for scores, wanted in zip(logits, targets.tolist(), strict=True):
        shares = [x.exp() / x.exp().sum() for x in scores]
        logs = [s[t].log() for s, t in zip(shares, wanted, strict=True) if t != mark]
        rows.append(sum(logs) if logs else 0 * scores.sum())
    return torch.stack(rows)


def four(seed, B, scale=1.0):
    """Make four rows of log-probabilities, all below 0."""
    return [-scale * (tensor(seed + i, B).abs() + i) for i in range(4)]


def dpo_by_hand(chosen, rejected, old_chosen, old_rejected, beta=0.1):
    """Write the formula out, pair by pair; what comes of the old model is a constant."""
    costs = []
    for c, r, oc, o_r in zip(chosen, rejected, old_chosen, old_rejected, strict=True):
        margin = (c - oc.detach()) - (r - o_r.detach())
        costs.append(-(1 / (1 + (-beta * margin).exp())).log())
    return sum(costs) / len(costs)


def of_margin(kata, margin, *beta, dtype=WIDE):
    """Ask for the loss of pairs whose margins these are."""
    m = torch.tensor(margin, dtype=dtype).reshape(-1)
    zero = torch.zeros_like(m)
    return kata.dpo_loss(m, zero, zero.clone(), zero.clone(), *beta)


def assert_near(returned, right, told):
    __tracebackhide__ = True
    off = abs(returned.item() - right)
    told = f"returned {told} {returned.item():.9g}, not {right:.9g}"
    assert_holds(off <= 1e-9 * (1 + abs(right)), told, returned)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, shape=distinct(3), mark=marks, beta=betas)
@example(seed=0, shape=(2, 3, 4), mark=-100, beta=0.5)
def test_it_agrees_with_the_definition(kata, seed, shape, mark, beta):
    B, T, V = shape
    x, targets = tensor(seed, B, T, V + 1), partly(seed, B, T, n=V + 1, mark=mark)
    assert_close(kata.sequence_logprob(x, targets.clone(), mark), by_hand(x, targets, mark))
    right = dpo_by_hand(*four(seed, B, 3.0), beta)
    assert_close(kata.dpo_loss(*four(seed, B, 3.0), beta), right)


@given(n=sizes, V=sizes, seed=seeds)
@example(n=3, V=4, seed=0)
def test_a_sequence_is_the_sum_of_its_targets(kata, n, V, seed):
    x, targets = torch.zeros(1, n, V, dtype=WIDE), ids(seed, 1, n, n=V)
    right = -n * log(V)
    assert_near(kata.sequence_logprob(x, targets), right, f"for {n} targets of share 1/{V}")
    x = tensor(seed, 1, n, V + 1)
    alone = [kata.sequence_logprob(x[:, i : i + 1], targets[:, i : i + 1]) for i in range(n)]
    assert_close(kata.sequence_logprob(x, targets), sum(alone))


@given(seed=seeds, shape=distinct(2), mark=marks)
@example(seed=0, shape=(3, 5), mark=-100)
@example(seed=0, shape=(3, 5), mark=0)
@example(seed=0, shape=(3, 5), mark=99)
def test_an_ignored_target_adds_nothing(kata, seed, shape, mark):
    T, V = shape
    x, targets = tensor(seed, 1, T, V + 1), partly(seed, 1, T, n=V + 1, mark=mark)
    counted = targets != mark
    options = {} if mark == -100 else {"ignore_index": mark}
    right = kata.sequence_logprob(x[counted][None], targets[counted][None], mark)
    told = f"with {int((~counted).sum())} of {T} targets to be ignored"
    for scores in (x, 1e3 * x, 1e308 * x.sign()):
        mixed = torch.where(counted[..., None], x, scores)
        assert_near(kata.sequence_logprob(mixed, targets.clone(), **options), right.item(), told)


def test_an_ignored_target_adds_nothing__nor_does_a_row_of_them(kata):
    for row in ([1, 2, -100], [-100, -100, -100], []):
        x, targets = tensor(0, 1, len(row), 4).requires_grad_(), torch.tensor([row]).long()
        logs = kata.sequence_logprob(x, targets.clone())
        if set(row) <= {-100}:
            assert_near(logs, 0.0, "for a row without targets")
        pull_back(logs, torch.ones(1, dtype=WIDE))
        slope = gradient(x)[targets == -100].abs().sum().item()
        assert_holds(slope == 0, "has a gradient where a target is ignored", logs)


def test_every_row_stands_by_itself(kata):
    x, targets = tensor(0, 4, 3, 5), partly(1, 4, 3, n=5)

    def call(x, targets):
        rows = (x, targets) if x.dim() == 3 else (x[None], targets[None])
        return kata.sequence_logprob(*rows).reshape(targets.shape[:-1])

    assert_batches(call, x, targets)


@given(seed=seeds, shape=distinct(3), height=st.sampled_from([1.0, 1e3, 1e4]))
@example(seed=0, shape=(2, 3, 4), height=1e4)
def test_only_differences_of_scores_count(kata, seed, shape, height):
    B, T, V = shape
    x, targets = tensor(seed, *shape, kind="integers"), ids(seed, B, T, n=V)
    moved = x + height * tensor(seed + 1, B, T, 1).sign()
    right = kata.sequence_logprob(x, targets)
    assert_close(kata.sequence_logprob(moved, targets.clone()), right)


def test_only_differences_of_scores_count__of_large_ones_too(kata):
    x = torch.tensor([[[0.0, 3e5], [-1e4, -9e3], [3e5, 3e5]]], dtype=WIDE)
    right = -3e5 - 1e3 - log(2)
    logs = kata.sequence_logprob(x, torch.tensor([[0, 0, 1]]))
    assert_near(logs, right, "for the scores (0, 3e5), (-1e4, -9e3), (3e5, 3e5)")


def test_half_precision_is_computed_in_float32(kata):
    for dtype in (torch.float16, torch.bfloat16):
        sure, wide = torch.tensor([[[0.0, -8.0]]]), tensor(0, 1, 2, 4096)
        for x in (sure, wide, 30 * tensor(1, 1, 3000, 4)):
            x, targets = x.to(dtype), torch.zeros(1, x.shape[1], dtype=torch.int64)
            rows = x[0].double().tolist()
            right = -fsum(log(fsum(exp(s - r[0]) for s in r)) for r in rows)
            logs = kata.sequence_logprob(x, targets)
            told = f"returned {str(logs.dtype)[6:]} for scores of {str(dtype)[6:]}, not float32"
            assert_holds(logs.dtype == torch.float32, told, logs)
            told = f"returned {logs.item():.7g} for {str(dtype)[6:]}, not {right:.7g}"
            assert_holds(abs(logs.item() - right) <= 1e-4 * abs(right), told, logs)


def test_without_a_margin_it_costs_the_log_of_two(kata):
    for beta in ((), (0.5,), (3.0,)):
        assert_near(of_margin(kata, 0.0, *beta), log(2), "without a margin")
    for seed in range(3):
        c, r, *_ = four(seed, 1)
        loss = kata.dpo_loss(c, r, c.clone(), r.clone())
        assert_near(loss, log(2), "for a model that has not moved")


@given(seed=seeds, B=sizes, beta=betas)
@example(seed=0, B=3, beta=0.5)
def test_only_what_was_gained_counts(kata, seed, B, beta):
    c, r, oc, o_r = four(seed, B)
    right, a, b = kata.dpo_loss(c, r, oc, o_r, beta), tensor(seed + 5, B), tensor(seed + 6, B)
    for both in (
        (c + a, r, oc + a, o_r),
        (c, r + b, oc, o_r + b),
        (c + a, r + a, oc, o_r),
        (c, r, oc + b, o_r + b),
    ):
        assert_close(kata.dpo_loss(*both, beta), right)


def test_a_larger_margin_costs_less(kata):
    for beta in (0.1, 1.0):
        margins = [m / 2 for m in range(-40, 41)]
        costs = [of_margin(kata, m, beta).item() for m in margins]
        for m, a, b, c in zip(margins, costs, costs[1:], costs[2:], strict=False):
            told = f"returned {a:.6g}, {b:.6g}, {c:.6g} for the margins {m}, {m + 0.5}, {m + 1}"
            assert_holds(a > b > c, f"{told}: that does not fall")
            assert_holds(b < (a + c) / 2, f"{told}: that falls faster and faster")


@given(m=st.sampled_from([0.5, 3.0, 40.0]), beta=betas)
@example(m=3.0, beta=0.5)
def test_swapped_answers_cost_the_margin_more(kata, m, beta):
    found = (of_margin(kata, -m, beta) - of_margin(kata, m, beta)).item()
    told = f"costs {found:.9g} more with the answers swapped, not beta * {m} = {beta * m:.9g}"
    assert_holds(abs(found - beta * m) < 1e-9, told)


def test_beta_multiplies_the_margin(kata):
    for m, beta in ((10.0, 0.1), (-3.0, 2.0), (4.0, 0.5), (10.0, 0.01)):
        right = log1p(exp(-beta * m))
        assert_near(of_margin(kata, m, beta), right, f"for the margin {m} and beta {beta}")
    assert_near(of_margin(kata, 10.0), log1p(exp(-1.0)), "for the margin 10 without a beta")


def test_the_loss_is_the_mean_over_the_pairs(kata):
    margins = [3.0, -7.0, 0.5, 20.0]
    alone = [of_margin(kata, m).item() for m in margins]
    for n in (1, 2, 4):
        loss = of_margin(kata, margins[:n])
        assert_holds(loss.dim() == 0, f"returned the shape {tuple(loss.shape)}", loss)
        assert_near(loss, sum(alone[:n]) / n, f"for {n} pairs")


def test_margins_of_any_size_do_no_harm(kata):
    for dtype in (WIDE, torch.float32):
        for size in (1e3, 1e4, 1e6, 1e8):
            m = torch.tensor([size, -size, 0.0], dtype=dtype, requires_grad=True)
            zero = torch.zeros(3, dtype=dtype)
            loss, right = kata.dpo_loss(m, zero, zero.clone(), zero.clone()), 0.1 * size + log(2)
            told = f"returned {3 * loss.item():.7g} for the margins {size:g}, -{size:g} and 0"
            near = abs(3 * loss.item() - right) <= 1e-6 * right
            assert_holds(near, f"{told} together, not {right:.7g}", loss)
            pull_back(loss, torch.tensor(3.0, dtype=dtype))
            slopes, due = gradient(m).tolist(), (0.0, -0.1, -0.05)
            near = all(abs(a - b) < 1e-7 for a, b in zip(slopes, due, strict=True))
            told = f"has for the margins {size:g}, -{size:g} and 0 the slopes {slopes}, not {due}"
            assert_holds(near, told, loss)


@given(seed=seeds, shape=distinct(3), beta=betas)
@example(seed=0, shape=(2, 3, 4), beta=0.5)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, beta):
    B, T, V = shape
    targets = partly(seed, B, T, n=V + 1)

    def call(x):
        return kata.sequence_logprob(x, targets.clone())

    assert_same_gradients(call, lambda x: by_hand(x, targets), tensor(seed, B, T, V + 1))

    *learns, oc, o_r = four(seed, B, 3.0)

    def of(loss):
        return lambda c, r: loss(c, r, oc.clone(), o_r.clone(), beta).reshape(1)

    assert_same_gradients(of(kata.dpo_loss), of(dpo_by_hand), *learns)


def test_no_gradient_reaches_the_reference(kata):
    inputs = [x.requires_grad_() for x in four(0, 3)]
    loss = kata.dpo_loss(*inputs)
    pull_back(loss, torch.tensor(1.0, dtype=WIDE))
    for name, x in zip(("chosen", "rejected"), inputs[2:], strict=True):
        assert_gradient(loss, f"`reference_{name}`", gradient(x), torch.zeros_like(x).detach())
        told = f"changed `reference_{name}`: it asked for a gradient, and does not any more"
        assert_holds(x.requires_grad, told, loss)


def test_the_input_is_left_alone(kata):
    x, targets = tensor(0, 3, 2, 4), torch.tensor([[1, -100, 3], [0, 2, -100]])
    types = (WIDE, torch.float32)
    halves = (torch.float16, torch.bfloat16)
    for call, inputs, kept in (
        (kata.sequence_logprob, (x.transpose(0, 1), targets), types),
        (kata.dpo_loss, four(0, 3), types + halves),
    ):
        assert_leaves_alone(call, *inputs)
        assert_keeps_type(lambda dtype, call=call: call, *inputs, types=kept)
        assert_stays_on_device(call, *inputs)
