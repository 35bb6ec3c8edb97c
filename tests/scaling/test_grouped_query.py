"""spec/scaling/grouped_query.md, clause by clause."""

from functools import partial
from math import log, sqrt

import torch
from hypothesis import example

from tests.devices import assert_stays_on_device
from tests.grouping import attend_in_groups, drawn, inputs, shapes, the_module
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.modules import assert_parameters, assert_state_travels, loaded, values
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    leaf,
)
from tests.tensors import some, tensor


def made(kata, seed, heads, d_head, bias=False):
    """Make a module, and the values of its parameters."""
    H, G = heads
    numbers = values(shapes(H * d_head, G, d_head, bias), seed)
    return loaded(kata.GroupedQueryAttention(H * d_head, H, G, bias), numbers), numbers


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@drawn
def test_it_agrees_with_the_definition(kata, seed, sizes, heads):
    for before in ((), (2,), (3, 2)):
        given = inputs(seed, sizes, heads, *before)
        for mask in (None, some(seed, *before, heads[0], *sizes[:2])):
            assert_close(kata.grouped_attention(*given, mask), attend_in_groups(*given, mask))
    for bias in (False, True):
        module, numbers = made(kata, seed, heads, sizes[2], bias)
        x, mask = tensor(seed, 2, sizes[0], len(numbers["q.weight"])), some(seed, sizes[0])
        for seen in (None, mask):
            assert_close(module(x, seen), the_module(numbers, x, seen, heads[1]))


@drawn
@example(seed=0, sizes=(4, 3, 2), heads=(6, 2))
def test_neighbours_share_their_keys(kata, seed, sizes, heads):
    H, G = heads
    q, k, v = inputs(seed, sizes, heads)
    still = kata.grouped_attention(q.clone(), k, v).detach()
    for g in range(G):
        moved = v.clone()
        moved[g] += 1
        y = kata.grouped_attention(q.clone(), k, moved)
        assert_holds(y.shape == q.shape, f"returned shape {(*y.shape,)}, not {(*q.shape,)}", y)
        follow = [h for h in range(H) if bool((y[h] - still[h]).abs().max() > 1e-9)]
        right = [h for h in range(H) if h * G // H == g]
        told = f"let the heads {follow} of {H} look at head {g} of {G} of the values, not {right}"
        assert_holds(follow == right, told, y)


@drawn
def test_repeated_keys_give_the_same(kata, seed, sizes, heads):
    q, k, v = inputs(seed, sizes, heads)
    per = heads[0] // heads[1]
    whole = [torch.stack([x for x in y for _ in range(per)]) for y in (k, v)]
    right = kata.grouped_attention(q.clone(), *whole).detach()
    assert_close(kata.grouped_attention(q, k, v), right)
    module, numbers = made(kata, seed, heads, sizes[2], bias=True)
    for name in ("k.weight", "k.bias", "v.weight", "v.bias"):
        blocks = numbers[name].split(sizes[2])
        numbers = numbers | {name: torch.cat([x for x in blocks for _ in range(per)])}
    x, H = tensor(seed, 2, sizes[0], len(numbers["q.weight"])), heads[0]
    whole = loaded(kata.GroupedQueryAttention(H * sizes[2], H, H, True), numbers)
    assert_close(module(x), whole(x).detach())


def test_with_all_heads_it_is_multi_head_attention(kata):
    for d_head, H in ((2, 3), (3, 2), (4, 1)):
        module, numbers = made(kata, H, (H, H), d_head, bias=True)
        theirs = torch.nn.MultiheadAttention(d_head * H, H, batch_first=True).double()
        names = ([f"{n}.{kind}" for n in "qkv"] for kind in ("weight", "bias"))
        stacked = [torch.cat([numbers[n] for n in three]) for three in names]
        state = (*stacked, numbers["o.weight"], numbers["o.bias"])
        theirs.load_state_dict(dict(zip(theirs.state_dict(), state, strict=True)))
        x, mask = tensor(0, 2, 5, d_head * H), torch.ones(5, 5).tril(1).bool()
        assert_close(module(x), theirs(x, x, x)[0])
        assert_close(module(x, mask), theirs(x, x, x, attn_mask=~mask)[0])


@drawn
def test_a_head_keeps_its_own_rows_and_columns(kata, seed, sizes, heads):
    for h in range(heads[0]):
        module, numbers = made(kata, seed, heads, sizes[2])
        own = slice(h * sizes[2], (h + 1) * sizes[2])
        x = tensor(seed, sizes[0], heads[0] * sizes[2])
        numbers["o.weight"][:, own] = 0.0
        module.load_state_dict(numbers)
        still = module(x).detach()
        numbers["q.weight"][own] += 1.0
        module.load_state_dict(numbers)
        y = module(x)
        told = f"changed with the rows of head {h} in `q`, whose columns in `o` are zeros"
        assert_holds(torch.allclose(y, still, rtol=1e-9, atol=1e-9), told, y)


def test_scores_are_divided_by_the_root_of_d_head(kata):
    for (H, G), keys, length in (((4, 2), 3, 4), ((6, 2), 2, 9), ((3, 1), 5, 1), ((2, 2), 4, 4)):
        k = torch.zeros(G, keys, length, dtype=torch.float64)
        k[:, 0] = 1  # the first dot product is d_head, the others 0
        v = k.new_zeros(G, keys, length)
        v[:, 0, 0] = 1  # the first entry is the weight of the first key
        weights = kata.grouped_attention(k.new_ones(H, 1, length), k, v)
        more = weights[-1, 0, 0].item()
        ratio = more * (keys - 1) / (1 - more) if 0 < more < 1 else 1.0
        found = length / log(ratio) if ratio > 1 else float("inf")
        told = f"divided the scores by {found:.4g}, where d_head is {length} and its root"
        assert_holds(abs(found / sqrt(length) - 1) < 1e-9, f"{told} {sqrt(length):.4g}", weights)


@drawn
def test_a_hidden_key_is_not_there(kata, seed, sizes, heads):
    q, k, v = inputs(seed, sizes, heads)
    seen = some(seed, sizes[1])
    seen[seed % sizes[1]] = True
    for scale in (1.0, 1e5):  # scores that are far below 0, and far above
        queries = scale * q
        right = kata.grouped_attention(queries.clone(), k[:, seen], v[:, seen]).detach()
        assert_close(kata.grouped_attention(queries, k, v, seen.expand(sizes[:2])), right)


@drawn
def test_a_query_that_sees_nothing_gets_zeros(kata, seed, sizes, heads):
    leaves = [leaf(x) for x in inputs(seed, sizes, heads)]
    mask = some(seed, heads[0], *sizes[:2])
    mask[0, -1] = False
    y = kata.grouped_attention(*leaves, mask)
    told = f"gave a query that sees nothing {y[0, -1].tolist()}"
    assert_holds(bool((y[0, -1] == 0).all()), told, y)
    y.sum().backward()
    finite = all(bool(gradient(x).isfinite().all()) for x in leaves)
    assert_holds(finite, "has a gradient of nan, where a query sees nothing", y)
    module, numbers = made(kata, seed, heads, sizes[2], bias=True)
    x = tensor(seed, sizes[0], len(numbers["o.bias"]))
    nothing = torch.zeros(1, 1).bool()
    assert_close(module(x, nothing), numbers["o.bias"].expand(x.shape))


def test_a_mask_stretches_over_batch_and_heads(kata):
    def look(mask):
        return kata.grouped_attention(*inputs(0, (5, 3, 2), (4, 2), 2), mask)

    shapes, full = ((5, 3), (3,), (5, 1), (2, 1, 1, 3), (2, 1, 5, 3), (4, 5, 3)), (2, 4, 5, 3)
    for shape in (*shapes, (4, 1, 1), full):
        mask = some(1, *shape)
        assert_close(look(mask), look(mask.expand(full).clone()).detach())
    for h in range(4):
        y = look(torch.arange(4)[:, None, None] != h)
        silent = [i for i in range(4) if not bool(y[:, i].any())]
        told = f"silenced the heads {silent}, where the mask hides everything from head {h} alone"
        assert_holds(silent == [h], told, y)
    module, mask, x = made(kata, 0, (4, 2), 2)[0], some(2, 4, 5, 5), tensor(0, 2, 5, 8)
    assert_close(module(x, mask), module(x, mask.expand(2, 4, 5, 5).clone()).detach())


@drawn
def test_with_a_causal_mask_a_prefix_stands_alone(kata, seed, sizes, heads):
    module, numbers = made(kata, seed, heads, sizes[2])
    x = tensor(seed, 2, 5, len(numbers["q.weight"]))
    for t in range(1, 5):
        prefix = module(x[:, :t].clone(), torch.ones(t, t).tril().bool()).detach()
        assert_close(module(x, torch.ones(5, 5).tril().bool())[:, :t], prefix)


def test_keys_and_values_have_fewer_rows(kata):
    for d, H, G in ((12, 6, 2), (12, 6, 1), (12, 6, 6), (8, 2, 1)):
        right = shapes(d, G, d // H)
        assert_parameters(kata.GroupedQueryAttention(d, H, G), right)
        assert_parameters(
            kata.GroupedQueryAttention(d, H, G, bias=True), shapes(d, G, d // H, True)
        )
    one, fresh = (made(kata, seed, (6, 2), 2)[0] for seed in (0, 9))
    assert_state_travels(one, fresh, tensor(9, 5, 12))


def test_heads_that_do_not_divide_are_refused(kata):
    for d, H in ((4, 3), (6, 0), (6, -2)):
        for mentions in ("n_heads", f"{H}"):
            with assert_raises(ValueError, mentions):
                kata.GroupedQueryAttention(d, H, 1)
    for H, G in ((6, 4), (2, 6), (6, 0), (6, -3)):
        for mentions in ("n_kv_heads", f"{G}"):
            with assert_raises(ValueError, mentions):
                kata.GroupedQueryAttention(12, H, G)
    for H, G in ((4, 3), (2, 4), (5, 0)):
        for mentions in ("heads", f"{G}"):
            with assert_raises(ValueError, mentions):
                kata.grouped_attention(*inputs(0, (3, 2, 4), (H, G)))


def test_a_token_is_kept_as_a_key_and_a_value(kata):
    for layers, n_kv, d_head in ((12, 12, 64), (80, 8, 128), (3, 1, 5), (1, 7, 2)):
        half = layers * n_kv * d_head * 2  # keys alone, in two bytes
        for options, right in (({}, 2 * half), ({"width": 4}, 4 * half), ({"width": 1}, half)):
            returned = kata.cache_bytes(layers, n_kv, d_head, **options)
            told = f"counted {returned} bytes, {returned / right:g} times the {right} that are kept"
            assert_holds(returned == right, told, returned)
            assert_equal(returned, right)


@drawn
def test_every_sequence_of_a_batch_is_by_itself(kata, seed, sizes, heads):
    for before in ((2,), (3, 2)):
        assert_batches(kata.grouped_attention, *inputs(seed, sizes, heads, *before))
        module, numbers = made(kata, seed, heads, sizes[2])
        assert_batches(module, tensor(seed, *before, sizes[0], len(numbers["q.weight"])))


def test_the_input_is_left_alone(kata):
    given, mask = inputs(0, (5, 3, 2), (4, 2), 2), some(0, 5, 3)
    module = kata.GroupedQueryAttention(8, 4, 2)
    assert_leaves_alone(kata.grouped_attention, *given, mask)
    assert_leaves_alone(
        made(kata, 0, (4, 2), 2)[0], given[0].transpose(1, 2).flatten(-2), some(0, 5)
    )
    types = torch.float64, torch.float32, torch.bfloat16
    assert_keeps_type(lambda dtype: kata.grouped_attention, *given, mask, types=types)
    assert_keeps_type(module.to, tensor(0, 3, 8), some(0, 3, 3), types=types)
    assert_stays_on_device(kata.grouped_attention, *given, mask)
    assert_stays_on_device(kata.GroupedQueryAttention(8, 4, 2).to("meta"), tensor(0, 3, 8).float())


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, heads):
    given = inputs(seed, sizes, heads, 2)
    for mask in (None, some(seed, heads[0], *sizes[:2])):
        assert_same_gradients(kata.grouped_attention, attend_in_groups, *given, mask)
    module, numbers = made(kata, seed, heads, sizes[2], bias=seed % 2 == 0)
    x, oracle = (
        tensor(seed, 2, sizes[0], len(numbers["q.weight"])),
        partial(the_module, n_kv=heads[1]),
    )
    assert_same_gradients(module, oracle, x, parameters=numbers)
