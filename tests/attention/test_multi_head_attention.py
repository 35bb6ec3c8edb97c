"""spec/attention/multi_head_attention.md, clause by clause."""

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
from tests.modules import (
    assert_parameters,
    assert_saved,
    assert_state_travels,
    count,
    loaded,
    values,
)
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_repeats,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import distinct, kinds, random, seeds, some, tensor

heads = st.sampled_from([2, 3])
SEQUENCES = 2000  # in one call, each with its own weights dropped
MASKS = ((3, 1, 1, 5), (4, 5), (2, 4, 5), (3, 2, 4, 5), (3, 1, 4, 5), (1, 1, 1, 1))


def drawn(law):
    """Draw a seed, Tq, Tk and d_head, no two alike, and a number of heads."""
    pinned = example(seed=0, sizes=(4, 3, 2), H=2)(law)
    return settings(max_examples=8)(given(seed=seeds, sizes=distinct(3), H=heads)(pinned))


def shapes(d, bias=True):
    weights = {f"{name}.weight": (d, d) for name in "qkvo"}
    return weights | ({f"{name}.bias": (d,) for name in "qkvo"} if bias else {})


def model(kata, given, H, **options):
    """Make a module of these parameters, in evaluation."""
    bias = "q.bias" in given
    made = kata.MultiHeadAttention(len(given["q.weight"]), H, bias=bias, **options)
    loaded(made, given).eval()
    return made


def project(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def attend(q, k, v, seen):
    """Average the values that each query may see; where it may see none, zeros."""
    scores = q @ k.mT / sqrt(q.shape[-1])
    some_seen = seen.any(-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(~seen & some_seen, -torch.inf), -1)
    return weights.where(some_seen, 0.0) @ v


def by_the_definition(given, x_q, x_k, x_v, H=2, mask=None):
    """Cut out the rows of each head, attend with them alone, and put the heads side by side."""
    q, k, v = (project(given, n, x) for n, x in zip("qkv", (x_q, x_k, x_v), strict=True))
    mask = torch.ones(1, 1).bool() if mask is None else mask
    mask = mask.expand(*q.shape[:-2], H, q.shape[-2], k.shape[-2])
    found = []
    for h in range(H):
        own = slice(h * q.shape[-1] // H, (h + 1) * q.shape[-1] // H)
        found.append(attend(q[..., own], k[..., own], v[..., own], mask[..., h, :, :]))
    return project(given, "o", torch.cat(found, -1))


def inputs(seed, *sizes, kind="normal"):
    """Make queries of one length, keys and values of another."""
    *B, Tq, Tk, d = sizes
    parts = ((*B, Tq, d), (*B, Tk, d), (*B, Tk, d))
    return [tensor(seed + i, *shape, kind=kind) for i, shape in enumerate(parts, 20)]


def identity(n):
    return torch.eye(n, dtype=torch.float64)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@settings(max_examples=20)
@given(seed=seeds, kind=kinds, sizes=distinct(4), H=heads, bias=st.booleans(), masked=st.booleans())
@example(seed=0, kind="normal", sizes=(2, 5, 3, 4), H=2, bias=True, masked=True)
def test_it_agrees_with_the_definition(kata, seed, kind, sizes, H, bias, masked):
    *BT, d_head = sizes
    given = values(shapes(H * d_head, bias), seed)
    xs = inputs(seed, *BT, H * d_head, kind=kind)
    mask = some(seed, BT[0], H, *BT[1:]) if masked else None
    y = model(kata, given, H)(*xs, mask=mask)
    assert_close(y, by_the_definition(given, *xs, H, mask), atol=1e-8)  # large: 1e3


def test_it_agrees_with_the_definition__as_torch_has_it(kata):
    given, xs = values(shapes(6)), inputs(0, 2, 4, 5, 6)
    torchs = torch.nn.MultiheadAttention(6, 3, batch_first=True).double()
    for kind in ("weight", "bias"):
        stacked = torch.cat([given[f"{name}.{kind}"] for name in "qkv"])
        torchs.load_state_dict(
            {f"in_proj_{kind}": stacked, f"out_proj.{kind}": given[f"o.{kind}"]}, strict=False
        )
    one, mask = model(kata, given, 3), torch.ones(4, 5).tril(1).bool()
    assert_close(one(*xs), torchs(*xs)[0])
    assert_close(one(*xs, mask=mask), torchs(*xs, attn_mask=~mask)[0])


def test_it_learns_four_matrices(kata):
    assert_parameters(kata.MultiHeadAttention(6, 2), shapes(6))
    assert_parameters(kata.MultiHeadAttention(6, 2, bias=False), shapes(6, False))
    one = model(kata, values(shapes(6)), 2)
    assert_saved(one, shapes(6))
    fresh = kata.MultiHeadAttention(6, 2)
    fresh.eval()
    assert_state_travels(one, fresh, tensor(9, 5, 6))
    number = count(kata.MultiHeadAttention(768, 12))
    assert_holds(number == 2362368, f"has {number:,} parameters, not 2,362,368")


def test_n_heads_divides_d_model(kata):
    for d_model, n_heads in ((4, 3), (6, 4), (2, 4), (6, 0), (6, -2)):
        with assert_raises(ValueError, "n_heads"):
            kata.MultiHeadAttention(d_model, n_heads)


@drawn
def test_values_of_zeros_leave_the_bias_of_the_output(kata, seed, sizes, H):
    given, xs = values(shapes(H * sizes[2]), seed), inputs(seed, *sizes[:2], H * sizes[2])
    given |= {name: torch.zeros_like(given[name]) for name in ("v.weight", "v.bias")}
    assert_close(model(kata, given, H)(*xs), given["o.bias"].expand(xs[0].shape))


@drawn
def test_a_single_key_hands_over_its_value(kata, seed, sizes, H):
    Tq, _, d_head = sizes
    given = values(shapes(H * d_head), seed)
    x_q, x_k, x_v = inputs(seed, Tq, 1, H * d_head)
    value = project(given, "o", project(given, "v", x_v))
    assert_close(model(kata, given, H)(x_q, x_k, x_v), value.expand(x_q.shape))


@drawn
def test_equal_values_come_out_as_they_are(kata, seed, sizes, H):
    given = values(shapes(H * sizes[2]), seed)
    x_q, x_k, x_v = inputs(seed, *sizes[:2], H * sizes[2])
    x_v = x_v[:1].expand(x_k.shape)
    plain = given | {"q.weight": 0 * given["q.weight"], "q.bias": 0 * given["q.bias"]}
    expected = model(kata, plain, H)(x_q, x_k, x_v).detach()
    assert_close(model(kata, given, H)(x_q, x_k, x_v), expected)


@drawn
def test_equal_keys_give_the_plain_average(kata, seed, sizes, H):
    Tq, Tk, d_head = sizes
    given = values(shapes(H * d_head), seed)
    x_q, x_k, x_v = inputs(seed, Tq, Tk, H * d_head)
    average = project(given, "o", project(given, "v", x_v.mean(0, keepdim=True)))
    y = model(kata, given, H)(x_q, x_k[:1].expand(x_k.shape), x_v)
    assert_close(y, average.expand(x_q.shape))


@drawn
def test_a_head_keeps_to_its_own_rows_and_columns(kata, seed, sizes, H):
    given, xs = values(shapes(H * sizes[2]), seed), inputs(seed, *sizes[:2], H * sizes[2])
    for h in range(H):
        own = slice(h * sizes[2], (h + 1) * sizes[2])
        given["o.weight"] = tensor(seed, H * sizes[2], H * sizes[2])
        given["o.weight"][:, own] = 0.0
        still = model(kata, given, H)(*xs).detach()
        other = {name: value.clone() for name, value in given.items()}
        for name in "qkv":
            other[f"{name}.weight"][own] += 1.0
            other[f"{name}.bias"][own] -= 1.0
        assert_close(model(kata, other, H)(*xs), still)


@drawn
def test_one_head_is_an_attention_and_a_projection(kata, seed, sizes, H):
    given, xs = values(shapes(sizes[2]), seed), inputs(seed, *sizes)
    q, k, v = (project(given, n, x) for n, x in zip("qkv", xs, strict=True))
    found = torch.softmax(q @ k.mT / sqrt(sizes[2]), -1) @ v
    assert_close(model(kata, given, 1)(*xs), project(given, "o", found))


@drawn
def test_blocks_on_the_diagonal_are_models_of_one_head(kata, seed, sizes, H):
    Tq, Tk, d_head = sizes
    alone = [values(shapes(d_head, False), seed + 7 * h) for h in range(H)]
    parts = [inputs(seed + 7 * h, Tq, Tk, d_head) for h in range(H)]
    pairs = zip(alone, parts, strict=True)
    expected = torch.cat([model(kata, given, 1)(*xs).detach() for given, xs in pairs], -1)
    blocks = {name: torch.block_diag(*(given[name] for given in alone)) for name in alone[0]}
    xs = [torch.cat(same, -1) for same in zip(*parts, strict=True)]
    assert_close(model(kata, blocks, H)(*xs), expected)


@drawn
def test_the_heads_may_change_places(kata, seed, sizes, H):
    given, xs = values(shapes(H * sizes[2]), seed), inputs(seed, *sizes[:2], H * sizes[2])
    order = torch.arange(H * sizes[2]).view(H, -1).roll(1, 0).flatten()
    moved = {name: value if name[0] == "o" else value[order] for name, value in given.items()}
    moved["o.weight"] = given["o.weight"][:, order]
    still = model(kata, given, H)(*xs).detach()
    assert_close(model(kata, moved, H)(*xs), still)


@drawn
def test_the_output_is_a_sum_over_the_heads(kata, seed, sizes, H):
    d_head = sizes[2]
    given, xs = values(shapes(H * d_head), seed), inputs(seed, *sizes[:2], H * d_head)
    total = given["o.bias"]
    for h in range(H):
        columns = torch.arange(H * d_head) // d_head == h
        part = given | {"o.weight": given["o.weight"] * columns}
        total = total + model(kata, part, H)(*xs).detach() - given["o.bias"]
    assert_close(model(kata, given, H)(*xs), total)


@drawn
def test_the_order_of_keys_does_not_matter(kata, seed, sizes, H):
    one = model(kata, values(shapes(H * sizes[2]), seed), H)
    x_q, x_k, x_v = inputs(seed, *sizes[:2], H * sizes[2])
    keys, queries = (torch.randperm(len(x), generator=random(seed)) for x in (x_k, x_q))
    still = one(x_q, x_k, x_v).detach()
    assert_close(one(x_q, x_k[keys], x_v[keys]), still)
    assert_close(one(x_q[queries], x_k, x_v), still[queries])


@drawn
def test_what_is_not_given_is_taken_from_before(kata, seed, sizes, H):
    one = model(kata, values(shapes(H * sizes[2]), seed), H)
    x, longer, _ = inputs(seed, *sizes[:2], H * sizes[2])
    other = inputs(seed + 1, *sizes[:2], H * sizes[2])[0]  # as long as x
    for short, long in (((x,), (x, x, x)), ((x, other), (x, other, other))):
        expected = one(*long).detach()
        assert_close(one(*short), expected)
    expected = one(x, longer, longer).detach()
    assert_close(one(x, longer), expected)


@drawn
def test_a_hidden_key_is_not_there(kata, seed, sizes, H):
    Tq, Tk, d_head = sizes
    one = model(kata, values(shapes(H * d_head), seed), H)
    x_q, x_k, x_v = inputs(seed, 2, Tq, Tk, H * d_head)
    seen = some(seed, Tk)
    seen[seed % Tk] = True
    expected = one(x_q, x_k[:, seen], x_v[:, seen]).detach()
    assert_close(one(x_q, x_k, x_v, mask=seen.expand(Tq, Tk)), expected)


def test_a_mask_stretches_over_batch_and_heads(kata):
    one, xs = model(kata, values(shapes(6)), 2), inputs(0, 3, 4, 5, 6)
    for shape in MASKS:
        mask = some(1, *shape)
        mask[..., 0] = True
        expected = one(*xs, mask.expand(3, 2, 4, 5)).detach()
        assert_close(one(*xs, mask), expected)


def test_a_mask_stretches_over_batch_and_heads__each_head_has_its_own(kata):
    given, xs = values(shapes(6)), inputs(0, 3, 4, 5, 6)
    for h in range(3):
        seen = torch.arange(3)[:, None, None] != h
        silent = given["o.weight"].clone()
        silent[:, 2 * h : 2 * h + 2] = 0.0
        expected = model(kata, given | {"o.weight": silent}, 3)(*xs).detach()
        assert_close(model(kata, given, 3)(*xs, mask=seen), expected)


def test_a_query_that_may_see_nothing_gives_the_bias(kata):
    given, xs = values(shapes(6)), [x.requires_grad_() for x in inputs(0, 3, 4, 5, 6)]
    mask = torch.ones(3, 1, 4, 5).bool()
    mask[1, :, 2] = False
    y = model(kata, given, 2)(*xs, mask=mask)
    assert_close(y[1, 2], given["o.bias"])
    pull_back(y, tensor(1, 3, 4, 6))
    told = "has a gradient of nan where a query may see nothing"
    assert_holds(all(bool(gradient(x).isfinite().all()) for x in xs), told, y)


@drawn
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes, H):
    one = model(kata, values(shapes(H * sizes[2]), seed), H)
    xs = inputs(seed, 2, 3, *sizes[:2], H * sizes[2])
    assert_batches(one, *xs)
    assert_batches(one, *(x[0] for x in xs))


def in_training(one, *xs):
    """Call it in training, at a fixed state of what is random."""
    one.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return one(*xs)


def test_dropout_acts_in_training_alone(kata):
    given, xs = values(shapes(6)), inputs(0, 3, 4, 5, 6)
    expected = by_the_definition(given, *xs)
    one = model(kata, given, 2, dropout=0.7)
    assert_repeats(one, *xs)
    assert_close(one(*xs), expected)
    told = "gave in training what it gives in evaluation, with dropout=0.7"
    assert_holds(bool((in_training(one, *xs) - expected).abs().max() > 1e-6), told)
    assert_close(in_training(model(kata, given, 2), *xs), expected)


def dropped(kata, p, n=3):
    """Return the weights of two heads, in evaluation and of many sequences in training.

    In each head values are the sequence itself, twice over: an output is two copies of its weights.
    """
    x = identity(4 * n)[:n]
    v = torch.cat([x, x, x, x])
    given = values(shapes(4 * n, False)) | {"v.weight": v, "o.weight": identity(4 * n)}
    one = model(kata, given, 2, dropout=p)
    whole = one(x).detach()
    there = in_training(one, x.expand(SEQUENCES, n, 4 * n)).detach()
    return (y.unflatten(-1, (2, 2, n)) for y in (whole, there))


def test_a_dropped_weight_takes_its_whole_value_along(kata):
    for p in (0.2, 0.7):
        there = list(dropped(kata, p))[1]
        first, second = there.unbind(-2)
        different = int((first != second).sum())
        told = f"dropped parts of values: of {first.numel()} pairs of equal entries {different}"
        assert_holds(different == 0, f"{told} came out unequal, with dropout={p}", there)


def test_what_is_not_dropped_is_scaled_up(kata):
    for p in (0.2, 0.7):
        whole, there = dropped(kata, p)
        kept = there != 0
        assert_holds(bool(kept.any()), f"returned nothing but zeros for dropout={p}", there)
        ratio = (there / whole)[kept]
        worst = ratio[(ratio * (1 - p) - 1).abs().argmax()].item()
        told = f"gave a weight {worst:.6g} times as large as without dropout, not 1 / (1 - {p})"
        assert_holds(abs(worst * (1 - p) - 1) < 1e-9, told, there)


def test_each_weight_is_dropped_by_itself(kata):
    for p in (0.2, 0.7):
        there = list(dropped(kata, p))[1]
        gone = (there[..., 0, :] == 0).flatten(1).double()  # (SEQUENCES, weights)
        alone, both = gone.mean(0), gone.T @ gone / SEQUENCES
        both = both[~torch.eye(len(both)).bool()]
        for found, right, what in ((alone, p, "a weight"), (both, p * p, "two weights at once")):
            worst = found[(found - right).abs().argmax()].item()
            told = f"dropped {what} in a share of {worst:.3f} of {SEQUENCES} sequences"
            sure = abs(worst - right) < 6 * sqrt(0.25 / SEQUENCES)  # six standard deviations
            assert_holds(sure, f"{told}, not {right:.2f}, with dropout={p}", there)


@settings(max_examples=10)
@given(seed=seeds, sizes=distinct(4), H=heads, bias=st.booleans(), masked=st.booleans())
@example(seed=0, sizes=(2, 5, 3, 4), H=2, bias=True, masked=True)
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, H, bias, masked):
    *BT, d_head = sizes
    given = values(shapes(H * d_head, bias), seed)
    mask = some(seed, BT[0], 1, *BT[1:]) if masked else None

    def oracle(given, *xs, mask):
        return by_the_definition(given, *xs, H, mask)

    xs = inputs(seed, *BT, H * d_head)
    assert_same_gradients(model(kata, given, H), oracle, *xs, parameters=given, mask=mask)


def test_the_input_is_left_alone(kata):
    given, xs = values(shapes(6)), inputs(0, 3, 4, 4, 6)
    assert_leaves_alone(model(kata, given, 2), *xs, some(1, 3, 1, 1, 4))
    assert_leaves_alone(model(kata, given, 2), xs[0])
    assert_keeps_type(kata.MultiHeadAttention(6, 2).to, *xs)


def test_the_work_is_your_own(kata, shortcuts):
    one, x = kata.MultiHeadAttention(6, 2, dropout=0.2), tensor(0, 3, 4, 6, dtype=torch.float32)
    for mode in (True, False):
        one.train(mode)
        one(x), one(x[0]), one(x[None]), one(x, mask=some(1, 3, 1, 1, 4))
    assert_own_work(shortcuts)
