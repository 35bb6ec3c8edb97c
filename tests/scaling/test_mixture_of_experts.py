"""spec/scaling/mixture_of_experts.md, clause by clause."""

from math import exp, nan

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import mixing
from tests.counting import costs
from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.mixing import D, F, Part, assert_loss, assert_sent, layer, said, shapes, shares
from tests.modules import assert_parameters, assert_saved, assert_state_travels, count, values
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import ids, kinds, leading, seeds, tensor

few = settings(max_examples=4)
experts = st.sampled_from([(4, 2), (3, 1), (5, 3), (3, 3), (1, 1)])  # how many, and k
score = st.sampled_from([0.0, -1.5, 2.0, 0.5, -3.0])


def drawn(test):
    """Draw a seed, and how many experts there are and are asked."""
    pinned = example(seed=0, sizes=(4, 2))(example(seed=3, sizes=(5, 1))(test))
    return few(given(seed=seeds, sizes=experts)(pinned))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@few
@given(seed=seeds, kind=kinds, lead=leading, sizes=experts)
@example(seed=0, kind="normal", lead=(2, 3), sizes=(4, 2))
@example(seed=1, kind="normal", lead=(), sizes=(5, 3))
@example(seed=0, kind="large", lead=(2,), sizes=(4, 2))
def test_it_agrees_with_the_definition(kata, seed, kind, lead, sizes):
    given, x = values(shapes(sizes[0]), seed), tensor(seed, *lead, D, kind=kind)
    moe = layer(kata, given, *sizes)
    for training in (True, False, True):
        moe.train(training)
        y, loss = moe(x.clone())
        assert_close(y, said(given, x, sizes[1]), atol=1e-8)  # 1e6 cancels
        if x.numel():
            assert_close(loss, mixing.loss_of(given, x, sizes[1]))


def test_it_learns_a_router_and_its_experts(kata):
    for n, d_model, d_ff in ((4, 3, 5), (1, 2, 1), (3, 5, 2)):
        assert_parameters(kata.MoE(d_model, d_ff, n, 1), shapes(n, d_model, d_ff))
        assert_saved(kata.MoE(d_model, d_ff, n, 1), shapes(n, d_model, d_ff))
    moe, fresh = layer(kata, values(shapes(4)), 4, 2), kata.MoE(D, F, 4, 2)
    assert_state_travels(Part(moe), Part(fresh), tensor(1, 6, D))


@drawn
def test_identical_experts_say_what_one_says(kata, seed, sizes):
    given, x = values(shapes(sizes[0]), seed), tensor(seed + 1, D)
    for name in given:
        if name.startswith("experts"):
            given[name] = given[f"experts.0.{name.split('.', 2)[2]}"]
    y, right = layer(kata, given, *sizes)(x.clone())[0].detach(), mixing.answer(given, 0, x)
    times = ((y * right).sum() / right.square().sum()).item()
    told = f"returned {times:.4g} times what each of its {sizes[0]} identical experts says"
    assert_holds(abs(times - 1) < 1e-9, told, y)
    assert_close(y, right)


@drawn
def test_the_k_highest_scores_are_chosen(kata, seed, sizes):
    n, k = sizes
    for shift in (0, -9, 9):
        scores = 2.0 * torch.randperm(n, generator=torch.Generator().manual_seed(seed)) - n + shift
        assert_sent(shares(kata, scores.double(), k), scores, k)


@few
@given(scores=st.lists(score, min_size=2, max_size=6), k=st.integers(1, 4))
@example(scores=[0.0, 0.0, 0.0, 0.0], k=2)
@example(scores=[-1.5, 2.0, -1.5, 2.0, 2.0], k=2)
@example(scores=[2.0, -1.5, 0.5, -1.5], k=3)
def test_of_equal_scores_the_lower_expert_is_chosen(kata, scores, k):
    scores, k = torch.tensor(scores).double(), min(k, len(scores))
    assert_sent(shares(kata, scores, k), scores, k)


@drawn
def test_weights_are_a_softmax_over_the_chosen(kata, seed, sizes):
    n, k = sizes
    scores = tensor(seed, n)
    found, chosen = shares(kata, scores, k), mixing.best(scores, k)
    total = sum(exp(scores[i]) for i in chosen)
    right = [exp(scores[i]) / total if i in chosen else 0.0 for i in range(n)]
    assert_close(found, torch.tensor(right, dtype=torch.float64))


@drawn
def test_each_token_is_routed_by_itself(kata, seed, sizes):
    scores, k = tensor(seed, 2, 4, sizes[0]), sizes[1]
    found = shares(kata, scores, k)
    for b in range(2):
        for t in range(4):
            assert_sent(found[b, t], scores[b, t], k, f"token {t} of entry {b} of a batch")
    moe, x = layer(kata, values(shapes(sizes[0])), *sizes), tensor(seed, 2, 4, D)
    assert_batches(Part(moe), x)
    assert_batches(Part(moe), x[0])


def test_no_token_is_left_out(kata):
    for n, k, N in ((4, 2, 12), (6, 1, 9), (5, 3, 1)):
        scores = torch.arange(n).flip(0).double().repeat(N, 1)
        found = shares(kata, scores, k)
        answered = int((found.abs() > 1e-12).sum())
        told = f"gave {N} tokens, which all ask for the same {k} of {n} experts, {answered} answers"
        assert_holds(answered == N * k, f"{told}, not {N * k}")


def test_a_token_costs_k_experts_and_the_router(kata):
    for n, k in ((8, 2), (4, 1), (5, 3)):
        moe, x = layer(kata, values(shapes(n)), n, k), tensor(n, 6, 2, D)
        found = costs(lambda moe=moe, x=x: moe(x)).multiplications
        expert, right = 12 * 3 * D * F, 12 * (D * n + k * 3 * D * F)
        told = f"took {found} multiplications for 12 tokens, each sent to {k} of {n} experts"
        assert_holds(found < right + expert, f"{told}; the router and {k} experts take {right}")


def test_a_token_costs_k_experts_and_the_router__and_nothing_of_the_others(kata):
    given, x = values(shapes(4)), tensor(1, 6, D).abs()
    given["router.weight"] = torch.tensor([[1.0], [-2.0], [2.0], [-1.0]]).double().expand(4, D)
    for i in (1, 3):
        given.update({name: value * nan for name, value in given.items() if f"s.{i}." in name})
    moe = layer(kata, given, 4, 2)
    y, _ = moe(x)
    told = "let nan come out of experts that no token is sent to: 0 times nan is nan"
    assert_holds(not bool(y.isnan().any()), told, y)
    y.sum().backward()
    for name, p in moe.named_parameters():
        idle = name.startswith(("experts.1", "experts.3"))
        told = f"gave `{name}` a gradient of nan, out of experts that no token is sent to"
        assert_holds(idle or not bool(gradient(p).isnan().any()), told, y)


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes):
    given, x = values(shapes(sizes[0]), seed), tensor(seed + 9, 2, 3, D)
    moe = layer(kata, given, *sizes)
    router = dict(moe.named_parameters())["router.weight"]
    pull_back(moe(x)[0], tensor(1, 2, 3, D))
    told = "left the router without a gradient: the weights do not lead back to its scores"
    assert_holds(sizes[1] == 1 or bool(gradient(router).any()), told)
    assert_same_gradients(Part(moe), lambda g, x: said(g, x, sizes[1]), x, parameters=given)


def test_even_loads_cost_one_one_for_all_costs_n(kata):
    for n, k in ((4, 2), (3, 1), (5, 5), (6, 3)):
        even = (torch.arange(n)[:, None] + torch.arange(k)) % n
        first = torch.arange(k).expand(n, k)
        sure = torch.zeros(n, n).double()
        sure[:, :k] = 800
        call, given = kata.load_balance_loss, f"{n} experts, {k} for each token,"
        assert_loss(call(tensor(n, n, n), even), 1, f"{given} each sent as many")
        assert_loss(call(torch.zeros(n, n).double(), first), 1, f"{given} all equally likely")
        assert_loss(call(sure, first), n / k, f"{given} of which {k} get all")


@few
@given(seed=seeds, sizes=experts, N=st.sampled_from([6, 1, 3]))
@example(seed=0, sizes=(4, 2), N=6)
def test_every_slot_counts_alike(kata, seed, sizes, N):
    n, k = sizes
    logits = tensor(seed, N, n)
    chosen = torch.tensor([mixing.best(row, k) for row in tensor(seed + 1, N, n)])
    loss = kata.load_balance_loss(logits, chosen)
    for told, moved in (("reversed", chosen.flip(-1)), ("put first", chosen.roll(1, -1))):
        other = kata.load_balance_loss(logits, moved)
        told = f"returned {other.item():.6g} with the k experts of each token {told}, and before"
        assert_holds(abs(loss.item() - other.item()) < 1e-9, f"{told} {loss.item():.6g}", other)
    assert_close(loss, mixing.uneven(logits, chosen.tolist()))


@drawn
def test_the_loss_teaches_the_router(kata, seed, sizes):
    n, k = sizes
    logits, chosen = tensor(seed, 6, n), ids(seed, 6, k, n=n)
    assert_same_gradients(
        lambda x: kata.load_balance_loss(x * 1, chosen)[None],
        lambda x: mixing.uneven(x, chosen.tolist())[None],
        logits,
    )
    given, x = values(shapes(n), seed), tensor(seed + 9, 4, D)
    moe = Part(layer(kata, given, n, k), 1)
    assert_same_gradients(moe, lambda g, x: mixing.loss_of(g, x, k)[None], x, parameters=given)


def test_without_a_token_the_loss_is_zero(kata):
    for k in (1, 3):
        nothing = torch.zeros(0, k, dtype=torch.int64)
        for dtype in (torch.float32, torch.float64):
            loss = kata.load_balance_loss(torch.zeros(0, 4, dtype=dtype), nothing)
            assert_loss(loss, 0, "no token")
            assert_equal(loss.dtype, dtype)
    for shape in ((0, D), (2, 0, D), (0, 2, D)):
        y, loss = kata.MoE(D, F, 4, 2)(torch.zeros(shape))
        assert_equal(tuple(y.shape), shape)
        assert_loss(loss, 0, f"tokens of shape {shape}")


def test_a_k_out_of_range_is_refused(kata):
    for n, k in ((4, 0), (4, 5), (3, -2), (1, 2)):
        for mentions in ("k", str(k)):
            with assert_raises(ValueError, mentions=mentions):
                kata.MoE(D, F, n, k)


def test_the_cost_is_known_beforehand(kata):
    for d_model, d_ff, n, k in ((3, 5, 4, 2), (2, 7, 5, 1), (4, 3, 3, 3), (4096, 14336, 8, 2)):
        returned = kata.moe_cost(d_model, d_ff, n, k)
        for i, (experts, what) in enumerate(((n, "numbers learned"), (k, "multiplications"))):
            right = d_model * n + experts * 3 * d_model * d_ff
            told = f"returned {returned[i]} {what}, not {right}: the router, and {experts} experts"
            assert_holds(returned[i] == right, told, returned)
        assert_equal(returned, (d_model * n * (1 + 3 * d_ff), right))
        if d_model < 9:
            assert_equal(count(kata.MoE(d_model, d_ff, n, k)), returned[0])


def test_the_input_is_left_alone(kata):
    moe, x = layer(kata, values(shapes(4)), 4, 2), tensor(1, 5, 2, D).transpose(0, 1)
    logits, chosen = tensor(0, 6, 4), ids(0, 6, 2, n=4)
    assert_leaves_alone(Part(moe), x)
    assert_leaves_alone(kata.load_balance_loss, logits, chosen)
    assert_stays_on_device(kata.load_balance_loss, logits, chosen)
    halves = (torch.float16, torch.bfloat16)
    for dtype in (torch.float64, torch.float32, *halves):
        assert_keeps_type(lambda dtype: Part(moe.to(dtype)), x, types=(dtype,))
        loss = moe(x.to(dtype))[1], kata.load_balance_loss(logits.to(dtype), chosen)
        right = torch.float32 if dtype in halves else dtype
        for made in loss:
            told = f"returned a loss of {str(made.dtype)[6:]} for scores of {str(dtype)[6:]}"
            assert_holds(made.dtype == right, told, made)
        scores = logits.to(dtype)
        off = abs(loss[1].item() - mixing.uneven(scores.double(), chosen.tolist()).item())
        told = f"is off by {off:.2g} for scores of {str(dtype)[6:]}, as if half as many digits did"
        assert_holds(off < 2e-6, told, loss[1])
