"""spec/attention/multi_head_attention.md, clause by clause."""

from functools import partial
from math import sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.modules import assert_parameters, assert_state_travels, loaded, values
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import distinct, kinds, seeds, some, tensor

heads = st.sampled_from([2, 3, 1])
SEQUENCES = 2000  # in one call, each with its own weights dropped
ERROR = 6 * sqrt(0.25 / SEQUENCES)  # six standard deviations of a share of them


def drawn(law):
    """Draw a seed, Tq, Tk and d_head, no two alike, and a number of heads."""
    pinned = example(seed=0, sizes=(4, 3, 2), H=2)(law)
    return settings(max_examples=4)(given(seed=seeds, sizes=distinct(3), H=heads)(pinned))


def shapes(d, bias=True):
    weights = {f"{name}.weight": (d, d) for name in "qkvo"}
    return weights | {f"{name}.bias": (d,) for name in ("qkvo" if bias else "o")}


def made(seed, sizes, H, *batch, bias=True, kind="normal"):
    """Make parameters, queries of one length, and keys and values of another."""
    Tq, Tk, d = *sizes[:2], H * sizes[2]
    xs = [tensor(seed + i, *batch, T, d, kind=kind) for i, T in enumerate((Tq, Tk, Tk), 20)]
    return values(shapes(d, bias), seed), xs


def model(kata, given, H, training=False, **options):
    """Make a module of these parameters, in evaluation unless told otherwise."""
    d, bias = len(given["q.weight"]), "q.bias" in given
    one = loaded(kata.MultiHeadAttention(d, H, qkv_bias=bias, **options), given)
    one.train(training)
    return one


def project(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def attend(q, k, v, seen):
    """Average the values that each query may see; where it may see none, zeros."""
    scores, sees = q @ k.mT / sqrt(q.shape[-1]), seen.any(-1, keepdim=True)
    return torch.softmax(scores.masked_fill(~seen & sees, -torch.inf), -1).where(sees, 0.0) @ v


def by_the_definition(given, x_q, x_k, x_v, H=2, mask=None):
    """Cut out the channels of each head, attend with them alone, put the heads side by side."""
    q, k, v = (project(given, n, x) for n, x in zip("qkv", (x_q, x_k, x_v), strict=True))
    mask = torch.ones(1, 1).bool() if mask is None else mask
    mask = mask.expand(*q.shape[:-2], H, q.shape[-2], k.shape[-2])
    cut = (x.split(q.shape[-1] // H, -1) for x in (q, k, v))
    found = [attend(*x, mask[..., h, :, :]) for h, x in enumerate(zip(*cut, strict=True))]
    return project(given, "o", torch.cat(found, -1))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, kind=kinds, sizes=distinct(3), H=heads, bias=st.booleans(), seen=st.booleans())
@example(seed=0, kind="normal", sizes=(5, 3, 4), H=2, bias=True, seen=True)
def test_it_agrees_with_the_definition(kata, seed, kind, sizes, H, bias, seen):
    weights, xs = made(seed, sizes, H, 2, bias=bias, kind=kind)
    mask = some(seed, 2, H, *sizes[:2]) if seen else None
    y = model(kata, weights, H)(*xs, mask=mask)
    assert_close(y, by_the_definition(weights, *xs, H, mask), atol=1e-8)  # large: 1e3


def test_it_agrees_with_the_definition__as_torch_has_it(kata):
    weights, xs = made(0, (4, 5, 2), 3, 2)
    theirs = torch.nn.MultiheadAttention(6, 3, batch_first=True).double()
    stacked = [torch.cat([weights[f"{n}.{kind}"] for n in "qkv"]) for kind in ("weight", "bias")]
    state = (*stacked, weights["o.weight"], weights["o.bias"])
    theirs.load_state_dict(dict(zip(theirs.state_dict(), state, strict=True)))
    one, mask = model(kata, weights, 3), torch.ones(4, 5).tril(1).bool()
    assert_close(one(*xs), theirs(*xs)[0])
    assert_close(one(*xs, mask=mask), theirs(*xs, attn_mask=~mask)[0])


def test_it_learns_four_matrices(kata):
    assert_parameters(kata.MultiHeadAttention(6, 2, qkv_bias=False), shapes(6, False))
    assert_parameters(kata.MultiHeadAttention(768, 12), shapes(768))
    one, fresh = (model(kata, values(shapes(6), seed), 2) for seed in (0, 9))
    assert_state_travels(one, fresh, tensor(9, 5, 6))


def test_n_heads_divides_d_model(kata):
    for d_model, n_heads in ((4, 3), (6, 4), (2, 4), (6, 0), (6, -2)):
        with assert_raises(ValueError, "n_heads"):
            kata.MultiHeadAttention(d_model, n_heads)


@drawn
def test_the_output_is_a_sum_over_the_heads(kata, seed, sizes, H):
    weights, xs = made(seed, sizes, H)
    owned, total = torch.arange(H * sizes[2]) // sizes[2], weights["o.bias"]
    for h in range(H):
        part = weights | {"o.weight": weights["o.weight"] * (owned == h)}
        total = total + model(kata, part, H)(*xs).detach() - weights["o.bias"]
    assert_close(model(kata, weights, H)(*xs), total)


@drawn
def test_a_head_keeps_its_own_rows_and_columns(kata, seed, sizes, H):
    for h in range(H):
        weights, xs = made(seed, sizes, H)
        own = slice(h * sizes[2], (h + 1) * sizes[2])
        weights["o.weight"][:, own] = 0.0
        still = model(kata, weights, H)(*xs).detach()
        for name in shapes(1):
            weights[name][own] += float(name[0] != "o")
        assert_close(model(kata, weights, H)(*xs), still)


@drawn
def test_equal_keys_give_the_plain_average(kata, seed, sizes, H):
    weights, (x_q, x_k, x_v) = made(seed, sizes, H)
    average = project(weights, "o", project(weights, "v", x_v.mean(0, keepdim=True)))
    y = model(kata, weights, H)(x_q, x_k[:1].expand(x_k.shape), x_v)
    assert_close(y, average.expand(x_q.shape))


@drawn
def test_one_head_is_attention_and_a_projection(kata, seed, sizes, H):
    weights, xs = made(seed, sizes, 1)
    assert_close(model(kata, weights, 1)(*xs), by_the_definition(weights, *xs, 1))


@drawn
def test_diagonal_blocks_are_models_of_one_head(kata, seed, sizes, H):
    small = [made(seed + 50 * h, sizes, 1) for h in range(H)]
    outputs = [model(kata, weights, 1)(*xs).detach() for weights, xs in small]
    stacked = {n: [weights[n] for weights, _ in small] for n in small[0][0]}
    join = {"weight": lambda parts: torch.block_diag(*parts), "bias": torch.cat}
    blocks = {n: join[n[2:]](parts) for n, parts in stacked.items()}
    xs = [torch.cat(parts, -1) for parts in zip(*(xs for _, xs in small), strict=True)]
    assert_close(model(kata, blocks, H)(*xs), torch.cat(outputs, -1))


@drawn
def test_the_heads_may_change_places(kata, seed, sizes, H):
    weights, xs = made(seed, sizes, H)
    order = torch.arange(H * sizes[2]).view(H, -1).roll(1, 0).flatten()
    moved = {name: w if name[0] == "o" else w[order] for name, w in weights.items()}
    moved["o.weight"] = weights["o.weight"][:, order]
    still = model(kata, weights, H)(*xs).detach()
    assert_close(model(kata, moved, H)(*xs), still)


@drawn
def test_what_is_not_given_is_taken_from_before(kata, seed, sizes, H):
    weights, (x, longer, _) = made(seed, sizes, H)
    for short in ((x,), (x, 2 * x.flip(0)), (x, longer)):
        expected = model(kata, weights, H)(x, short[-1], short[-1]).detach()
        assert_close(model(kata, weights, H)(*short), expected)
    expected = model(kata, weights, H)(x, x, 2 * x).detach()
    assert_close(model(kata, weights, H)(x, x_v=2 * x), expected)


@drawn
def test_a_hidden_key_is_not_there(kata, seed, sizes, H):
    weights, (x_q, x_k, x_v) = made(seed, sizes, H, 2)
    one, seen = model(kata, weights, H), some(seed, sizes[1])
    seen[seed % sizes[1]] = True
    expected = one(x_q, x_k[:, seen], x_v[:, seen]).detach()
    assert_close(one(x_q, x_k, x_v, mask=seen.expand(sizes[:2])), expected)
    nothing = one(x_q, x_k, x_v, mask=torch.zeros(1, 1).bool())
    assert_close(nothing, weights["o.bias"].expand(x_q.shape))


def test_a_mask_stretches_over_batch_and_heads(kata):
    weights, xs = made(0, (4, 5, 3), 2, 3)
    one = model(kata, weights, 2)
    for shape in ((4, 5), (3, 1, 1, 5), (3, 1, 4, 5), (2, 4, 5), (3, 2, 4, 5), (1, 1)):
        mask = some(1, *shape) | (torch.arange(shape[-1]) == 0)
        assert_close(one(*xs, mask), one(*xs, mask.expand(3, 2, 4, 5)).detach())
    silent = weights | {"o.weight": weights["o.weight"] * (torch.arange(6) < 3)}
    expected = model(kata, silent, 2)(*xs).detach()
    assert_close(one(*xs, torch.tensor([True, False])[:, None, None]), expected)


@drawn
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes, H):
    weights, xs = made(seed, sizes, H, 2, 3)
    assert_batches(model(kata, weights, H), *xs)
    assert_batches(model(kata, weights, H), *(x[0] for x in xs))


def test_dropout_acts_in_training_alone(kata):
    weights, xs = made(0, (4, 5, 3), 2, 3)
    still = model(kata, weights, 2)(*xs).detach()
    assert_close(model(kata, weights, 2, dropout=0.7)(*xs), still)
    assert_close(model(kata, weights, 2, training=True)(*xs), still)


def test_each_weight_is_dropped_or_scaled_up(kata):
    x = torch.eye(12, dtype=torch.float64)[:3]  # in each head values are x twice over,
    mixer = {"o.weight": torch.eye(12), "o.bias": torch.zeros(12)}
    w = values(shapes(12, False)) | {"v.weight": torch.cat([x] * 4)} | mixer
    for p in (0.2, 0.7):
        whole = model(kata, w, 2)(x).detach().view(3, 2, 2, 3)[..., 0, :]  # so are outputs weights
        there = model(kata, w, 2, training=True, dropout=p)(x.expand(SEQUENCES, 3, 12)).detach()
        first, second = there.view(-1, 3, 2, 2, 3).unbind(-2)
        gone = (first == 0).flatten(1).double()  # (SEQUENCES, weights)
        both = (gone.T @ gone / SEQUENCES)[~torch.eye(18).bool()]
        for found, right, most, told in (
            ((first - second).flatten(), 0.0, 1e-9, "made of equal entries entries that differ by"),
            (gone.mean(0), p, ERROR, "dropped a weight in a share of"),
            (both, p * p, ERROR, "dropped two weights at once in a share of"),
            ((first / whole)[first != 0], 1 / (1 - p), 1e-9, "multiplied a weight by"),
        ):
            worst = found[(found - right).abs().argmax()].item()
            assert_holds(abs(worst - right) < most, f"{told} {worst:.4g}, not {right:.4g}", there)


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, H):
    weights, xs = made(seed, sizes, H, 2, bias=seed % 2 == 0)
    one, oracle = model(kata, weights, H), partial(by_the_definition, H=H)
    for mask in (None, some(seed, 2, 1, *sizes[:2]), torch.zeros(1, 1).bool()):
        assert_same_gradients(one, oracle, *xs, parameters=weights, mask=mask)


def test_the_input_is_left_alone(kata):
    weights, xs = made(0, (4, 5, 3), 2, 3)
    assert_leaves_alone(model(kata, weights, 2), *xs, some(1, 3, 1, 1, 5))
    assert_keeps_type(kata.MultiHeadAttention(6, 2).to, *xs)


def test_the_work_is_your_own(kata, shortcuts):
    one, x = kata.MultiHeadAttention(6, 2, dropout=0.2), tensor(0, 3, 4, 6, dtype=torch.float32)
    one(x), one(x[0]), one(x[None]), one(x, mask=some(1, 3, 1, 1, 4))
    assert_own_work(shortcuts)
