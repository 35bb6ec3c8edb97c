"""spec/finetuning/policy_gradient.md, clause by clause."""

from math import exp, fsum, log, sqrt

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
from tests.tensors import distinct, leading, seeds, sizes, tensor

clips = st.sampled_from([0.2, 0.1, 0.05, 0.5])
epsilons = st.sampled_from([1e-6, 1e-4, 0.5])
WIDE = torch.float64


def wide(*entries):
    return torch.tensor(entries, dtype=WIDE)


def advantages_by_hand(rewards, eps):
    """Work out every row by itself."""
    rows = []
    for row in rewards.reshape(-1, rewards.shape[-1]).tolist():
        mean = fsum(row) / len(row)
        std = sqrt(fsum((r - mean) ** 2 for r in row) / len(row))
        rows += [(r - mean) / (std + eps) for r in row]
    return torch.tensor(rows, dtype=WIDE).reshape(rewards.shape)


def loss_by_hand(logp, logp_old, adv, clip):
    """Take each entry by itself, and the smaller of two products."""
    gains = []
    for new, old, a in zip(logp.flatten(), logp_old.flatten(), adv.flatten(), strict=True):
        ratio, a = new.exp() / old.detach().exp(), a.detach()
        plain, bound = ratio * a, ratio.clamp(1 - clip, 1 + clip) * a
        gains.append(plain if plain.item() <= bound.item() else bound)
    return -sum(gains) / len(gains)


def drawn(seed, *shape):
    """Make log-probabilities whose ratios go from 0.2 to 5, and advantages of both signs."""
    old = -tensor(seed, *shape).abs()
    return old + 0.8 * tensor(seed + 1, *shape), old, tensor(seed + 2, *shape)


def of_ratio(kata, ratio, adv, *clip):
    """Ask for the loss of actions that became this much likelier, and for its slopes."""
    old = torch.full((len(ratio),), -1.5, dtype=WIDE)
    logp = (old + wide(*ratio).log()).requires_grad_()
    loss = kata.ppo_loss(logp, old.clone(), wide(*adv), *clip)
    pull_back(loss, wide(1.0)[0])
    return loss, gradient(logp).tolist()


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, axes=leading, K=sizes, eps=epsilons, clip=clips)
@example(seed=0, axes=(2,), K=4, eps=0.5, clip=0.1)
def test_it_agrees_with_the_definition(kata, seed, axes, K, eps, clip):
    rewards = tensor(seed, *axes, K)
    assert_close(kata.group_advantages(rewards.clone(), eps), advantages_by_hand(rewards, eps))
    inputs = drawn(seed, *(n or 1 for n in axes), K)
    right = loss_by_hand(*inputs, clip)
    assert_close(kata.ppo_loss(*(x.clone() for x in inputs), clip), right)


@given(seed=seeds, shape=distinct(2), eps=epsilons)
@example(seed=0, shape=(3, 4), eps=0.5)
@example(seed=0, shape=(2, 5), eps=1e-6)
def test_a_row_has_mean_zero_and_spread_nearly_one(kata, seed, shape, eps):
    rewards = 2 * tensor(seed, shape[0], shape[1] + 1)
    found = kata.group_advantages(rewards.clone(), eps)
    for row, advantages in zip(rewards, found, strict=True):
        std, mean = row.std(correction=0), advantages.mean().item()
        told = f"gave a row of {len(row)} advantages of mean {mean:.6g}, not 0"
        assert_holds(abs(mean) < 1e-9, told, found)
        spread, right = advantages.std(correction=0).item(), (std / (std + eps)).item()
        told = f"gave a row of {len(row)} advantages of standard deviation {spread:.9g}"
        assert_holds(abs(spread - right) < 1e-9, f"{told}, not {right:.9g}", found)


def test_a_row_has_mean_zero_and_spread_nearly_one__with_an_eps_of_its_own(kata):
    for rewards, eps, right in (
        (wide(1.0, 0.0), (), 0.5 / (0.5 + 1e-6)),
        (wide(3e-6, 1e-6), (), 0.5),
        (wide(1000.005, 1000.0), (0.0,), 1.0),
        (wide(3e-9, 1e-9), (0.0,), 1.0),
    ):
        found = kata.group_advantages(rewards.clone(), *eps)[0].item()
        told = f"returned {found:.9g} for the first of {rewards.tolist()}"
        told += " and an eps of 0" if eps else ""
        assert_holds(abs(found - right) < 1e-9, f"{told}, not {right:.9g}")


def test_every_row_stands_by_itself(kata):
    rewards = tensor(0, 3, 2, 4) * wide(1.0, 5.0, 100.0).reshape(3, 1, 1)
    assert_batches(kata.group_advantages, rewards)
    assert_batches(kata.group_advantages, rewards[0])


def test_equal_rewards_give_zeros(kata):
    for dtype in (torch.float32, WIDE):
        for reward in (0.0, 1.0, 0.1, 0.7, 0.9, -1000.1, 1e6 + 0.1):
            for K in (1, 3, 7, 11):
                rewards = torch.tensor([[reward] * K, [0.0] * K], dtype=dtype)
                for row, found in zip((reward, 0.0), kata.group_advantages(rewards), strict=True):
                    told = f"gave each of {K} answers that earned {row} in {str(dtype)[6:]}"
                    told = f"{told}, in a batch with another row, an advantage of {found[0]:.4g}"
                    assert_holds(bool((found.abs() < 1e-9).all()), told, found)


@given(seed=seeds, shape=distinct(2), shift=st.sampled_from([1.0, -7.0, 100.0]))
@example(seed=0, shape=(3, 4), shift=1.0)
def test_neither_shift_nor_scale_counts(kata, seed, shape, shift):
    rewards = tensor(seed, shape[0], shape[1] + 1)
    for eps, factor in ((1e-6, 1.0), (0.0, 8.0), (0.0, 0.3)):
        right = kata.group_advantages(rewards.clone(), eps)
        assert_close(kata.group_advantages(factor * rewards + shift, eps), right)


def test_within_the_clip_the_ratio_counts(kata):
    for ratio in (1.0, 0.85, 1.15):
        for adv in (2.0, -3.0):
            loss, (slope,) = of_ratio(kata, [ratio], [adv], 0.2)
            for what, found in (("loss", loss.item()), ("slope", slope)):
                told = f"gave, for the ratio {ratio} and the advantage {adv}, the {what}"
                told = f"{told} {found:.9g}, not {-ratio * adv:.9g}"
                assert_holds(abs(found + ratio * adv) < 1e-9, told, loss)
    for n in (2, 5):
        adv = tensor(n, n).tolist()
        loss, slopes = of_ratio(kata, [1.0] * n, adv, 0.2)
        for a, slope in zip(adv, slopes, strict=True):
            told = f"gave, for the ratio 1 and the advantage {a:.6g}, one of {n}, the slope"
            assert_holds(abs(slope + a / n) < 1e-9, f"{told} {slope:.6g}, not {-a / n:.6g}", loss)


def test_what_went_too_far_earns_no_more(kata):
    for clip in (0.2, 0.05, 0.5):
        for adv, edge, ratios in ((2.0, 1 + clip, (1.6, 3.0, 50.0)), (-2.0, 1 - clip, (0.4, 1e-3))):
            for ratio in ratios:
                loss, (slope,) = of_ratio(kata, [ratio], [adv], clip)
                told = f"gave, for the ratio {ratio} and the advantage {adv},"
                right = -edge * adv
                off = abs(loss.item() - right) > 1e-9
                assert_holds(not off, f"{told} the loss {loss.item():.9g}, not {right:.9g}", loss)
                assert_holds(slope == 0, f"{told} the slope {slope:.6g}, not 0", loss)


def test_what_went_the_wrong_way_may_come_back(kata):
    for clip in (0.2, 0.05, 0.5):
        for adv, ratios in ((2.0, (0.4, 1e-3)), (-2.0, (1.6, 50.0, exp(30.0)))):
            for ratio in ratios:
                loss, (slope,) = of_ratio(kata, [ratio], [adv], clip)
                for what, found in (("loss", loss.item()), ("slope", slope)):
                    told = f"gave, for the ratio {ratio} and the advantage {adv}, the {what}"
                    told = f"{told} {found:.9g}, not {-ratio * adv:.9g}"
                    assert_holds(abs(found + ratio * adv) < 1e-9 * (1 + ratio), told, loss)


@given(seed=seeds, shape=distinct(2), clip=clips)
@example(seed=0, shape=(3, 4), clip=0.2)
def test_it_never_promises_more_than_the_ratio(kata, seed, shape, clip):
    logp, old, adv = drawn(seed, *shape)
    plain = -((logp - old).exp() * adv).mean().item()
    loss = kata.ppo_loss(logp.clone(), old.clone(), adv.clone(), clip)
    told = f"returned {loss.item():.6g}, which is below {plain:.6g}, the loss without a clip"
    assert_holds(loss.item() >= plain - 1e-9, told, loss)
    near = old + (logp - old) * 0.5 * log(1 + clip) / (logp - old).abs().max()
    right = -((near - old).exp() * adv).mean()
    assert_close(kata.ppo_loss(near, old.clone(), adv.clone(), clip), right)


def test_the_clip_is_the_one_given(kata):
    for clip in (0.1, 0.3, 0.0, 1.0):
        for adv in (1.0, -1.0):
            ratio = 2.5 if adv > 0 else 1e-4
            loss, _ = of_ratio(kata, [ratio], [adv], clip)
            right = -adv * max(min(ratio, 1 + clip), 1 - clip)
            told = f"returned {loss.item():.6g} for the ratio {ratio}, the advantage {adv}"
            told = f"{told} and the clip {clip}, not {right:.6g}"
            assert_holds(abs(loss.item() - right) < 1e-9, told, loss)
    loss, _ = of_ratio(kata, [3.0, 0.1], [1.0, -1.0])
    told = f"returned {loss.item():.6g} without a clip; with 0.2 it is -0.2"
    assert_holds(abs(loss.item() + 0.2) < 1e-9, told, loss)


def test_the_loss_is_the_mean_over_all_entries(kata):
    inputs = drawn(0, 2, 3, 4)
    alone = [kata.ppo_loss(*(x.flatten()[i : i + 1] for x in inputs)) for i in range(24)]
    loss = kata.ppo_loss(*inputs)
    assert_holds(loss.dim() == 0, f"returned the shape {tuple(loss.shape)}, not ()", loss)
    assert_close(loss, sum(alone) / 24)
    assert_close(kata.ppo_loss(*(x[0, 0, 0] for x in inputs)), alone[0])
    loss, _ = of_ratio(kata, [1.0] * 4, [1.0, 0.0, 0.0, 1.0])
    told = f"returned {loss.item():.6g} for the advantages 1, 0, 0, 1, not -0.5: an entry without"
    assert_holds(abs(loss.item() + 0.5) < 1e-9, f"{told} an advantage counts as well", loss)


def test_the_logs_are_subtracted_first(kata):
    for dtype in (WIDE, torch.float32):
        old = torch.tensor([-2000.0, -800.0, -150.0], dtype=dtype)
        loss = kata.ppo_loss(old + 0.125, old.clone(), torch.ones(3, dtype=dtype))
        told = f"returned {loss.item():.6g} for sequences 0.125 likelier than exp(-2000), exp(-800)"
        right = -exp(0.125)
        near = abs(loss.item() - right) < 1e-6
        assert_holds(near, f"{told} and exp(-150), not {right:.6g}", loss)


@given(seed=seeds, shape=distinct(2), clip=clips)
@example(seed=0, shape=(3, 4), clip=0.2)
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, clip):
    logp, old, adv = drawn(seed, *shape)

    def of(loss):
        return lambda logp: loss(logp, old.clone(), adv.clone(), clip).reshape(1)

    assert_same_gradients(of(kata.ppo_loss), of(loss_by_hand), logp)


def test_no_gradient_reaches_what_is_past(kata):
    inputs = [x.requires_grad_() for x in drawn(0, 3, 4)]
    loss = kata.ppo_loss(*inputs)
    pull_back(loss, wide(1.0)[0])
    for name, x in zip(("logp_old", "adv"), inputs[1:], strict=True):
        assert_gradient(loss, f"`{name}`", gradient(x), torch.zeros_like(x).detach())


def test_the_input_is_left_alone(kata):
    three = [x.transpose(0, 1) for x in drawn(0, 2, 3, 4)]
    types = (WIDE, torch.float32)
    halves = (torch.float16, torch.bfloat16)
    for call, inputs, kept in (
        (kata.ppo_loss, three, types + halves),
        (kata.group_advantages, three[:1], types),
    ):
        assert_leaves_alone(call, *(x[0] for x in inputs))
        assert_keeps_type(lambda dtype, call=call: call, *inputs, types=kept)
        assert_stays_on_device(call, *inputs)
