"""spec/scaling/flash_attention.md, clause by clause."""

from itertools import product
from math import inf, sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import attending
from tests.attending import SIZE, SIZES, D, T, assert_parts, by_the_definition, inputs, together
from tests.counting import costs
from tests.devices import assert_stays_on_device
from tests.keeping import at_once, kept
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    leaf,
    pull_back,
)
from tests.tensors import distinct, seeds, tensor

few = settings(max_examples=4)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@attending.drawn
def test_it_agrees_with_the_definition(kata, seed, sizes, block, causal):
    given = inputs(seed, sizes)
    assert_close(together(kata, *block, causal)(*given), by_the_definition(*given, causal))


@few
@given(seed=seeds, scale=attending.scales, shape=st.sampled_from([(), (2, 3)]))
@example(seed=0, scale=1.0, shape=())
def test_merged_parts_are_the_whole(kata, seed, scale, shape):
    (s1, v1, *first), (s2, v2, *second) = attending.parts(seed, 2, scale, shape)
    whole = attending.summed(torch.cat([s1, s2], -1), torch.cat([v1, v2], -2))
    assert_parts(attending.merge(kata, first, second), whole)


@few
@given(seed=seeds, scale=attending.scales)
@example(seed=0, scale=1.0)
def test_the_order_of_merging_does_not_matter(kata, seed, scale):
    a, b, c = (found[2:] for found in attending.parts(seed, 3, scale))
    assert_parts(attending.merge(kata, b, a), attending.merge(kata, a, b))
    assert_parts(
        attending.merge(kata, a, attending.merge(kata, b, c)), attending.merge(kata, a, b, c)
    )


def test_a_part_that_is_empty_adds_nothing(kata):
    found = attending.parts(0, 1, scale=100.0)[0][2:]
    assert_parts(attending.merge(kata, attending.nothing(), found), found)
    assert_parts(attending.merge(kata, found, attending.nothing()), found)
    half = [torch.cat([x, y]) for x, y in zip(found, attending.nothing(), strict=True)]
    whole = [torch.cat([x, x.flip(0)]) for x in found]
    assert_parts(attending.merge(kata, half, [x.flip(0) for x in half]), whole)


def test_a_part_that_is_empty_adds_nothing__nor_do_two(kata):
    m, total, o = attending.merge(kata, attending.nothing(1), attending.nothing(1))
    told = f"made {m.tolist()}, {total.tolist()} and {o.tolist()} of two empty parts"
    right = bool((m == -inf).all() and (total == 0).all() and (o == 0).all())
    assert_holds(right, f"{told}; is there a -inf - -inf?")


def test_the_last_query_stands_at_the_last_key(kata):
    for (queries, keys), block in product(((4, 4), (2, 5), (1, 3), (5, 3)), ((9, 1), (2, 2))):
        q, k, _ = inputs(0, (queries, keys, 3, 1))
        o, _ = kata.flash_attention(q, k, torch.eye(keys, dtype=q.dtype), *block, causal=True)
        for i, shares in list(enumerate(o))[max(queries - keys, 0) :]:
            told = f"gave query {i} of {queries}"
            assert_holds(not shares.isnan().any(), f"{told} an output of nan")
            seen, right = shares.nonzero().flatten().tolist(), list(range(i + 1 + keys - queries))
            told = f"{told} an average of the values {seen} of {keys}, not of {right}"
            assert_holds(seen == right, told, o)


def test_a_query_that_sees_nothing_gets_zeros(kata):
    for block in ((2, 2), (4, 3), (9, 9)):
        given = [leaf(x) for x in inputs(0, (7, 3, 4, 2))]
        o, lse = kata.flash_attention(*given, *block, True)
        told = f"gave queries that see no key the output {o[:4].tolist()}"
        assert_holds(bool((o[:4] == 0).all()), told, o)
        told = f"gave queries that see no key the logsumexp {lse[:4].tolist()}, not -inf"
        assert_holds(bool((lse[:4] == -inf).all()), told, lse)
        pull_back(together(kata, *block, True)(*given), tensor(1, 7, 3))
        for name, x in zip("qkv", given, strict=True):
            told = f"has a gradient for {name} that is not finite, where a query sees nothing"
            assert_holds(bool(gradient(x).isfinite().all()), told)
        lost = gradient(given[0])[:4]
        told = f"has the gradient {lost[0].tolist()} for a query that sees nothing"
        assert_holds(bool((lost == 0).all()), told)


@few
@given(seed=seeds, sizes=distinct(4))
@example(seed=0, sizes=SIZES)
def test_a_weight_is_one_exponential_away(kata, seed, sizes):
    q, k, v = inputs(seed, sizes)
    o, lse = kata.flash_attention(q, k, v, *sizes[:2])
    weights = (q @ k.mT / sqrt(sizes[2]) - lse[:, None]).exp()
    total = weights.sum(-1)
    worst = (total - 1).abs().argmax()
    told = f"gave query {worst} the logsumexp {lse[worst]:.6g}, with which its weights add up to"
    assert_holds(bool(((total - 1).abs() < 1e-9).all()), f"{told} {total[worst]:.6g}", o)
    assert_close(o, weights @ v)


@few
@given(seed=seeds, sizes=distinct(4))
@example(seed=0, sizes=(5, 4, 2, 3))
def test_the_size_of_a_block_changes_nothing(kata, seed, sizes):
    given = inputs(seed, sizes)
    right = by_the_definition(*given)
    for block in ((100, 100), (1, 1), (2, 3), (3, 2), (4, 5), (5, 1), (1, 4)):
        assert_close(together(kata, *block)(*given), right)
    assert_close(together(kata)(*given), right)


@attending.drawn
def test_large_scores_do_no_harm(kata, seed, sizes, block, causal):
    given = inputs(seed, sizes, scale=40.0)  # scores of some thousands
    right = by_the_definition(*given, causal)
    assert_close(together(kata, *block, causal)(*given), right)
    low = [torch.full_like(x, size) for x, size in zip(given, (-50.0, 50.0, 2.0), strict=True)]
    assert_close(together(kata, *block, causal)(*low), by_the_definition(*low, causal))


def test_the_gradient_is_that_of_the_definition__for_each_of_the_two(kata):
    for at, name in enumerate(("output", "logsumexp")):
        given = [leaf(x) for x in inputs(0, SIZES)]
        pull_back(kata.flash_attention(*given, 2, 2)[at], tensor(1, *((3, 2), (3,))[at]))
        told = f"sends back no gradient from the {name} to q"
        assert_holds(bool(gradient(given[0]).any()), told)


@attending.drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes, block, causal):
    def oracle(*given):
        return by_the_definition(*given, causal)

    for scale in (1.0, 20.0):
        given = inputs(seed, sizes, scale=scale)
        assert_same_gradients(together(kata, *block, causal), oracle, *given)


def test_the_gradient_is_that_of_the_definition__whatever_is_called_before(kata):
    def first(*given):
        found = together(kata, 2, 2)(*given)
        kata.flash_attention(*map(leaf, inputs(9, (2, 3, 4, 2))), 1, 3, True)
        return found

    assert_same_gradients(first, by_the_definition, *inputs(0, SIZES))


def test_no_table_is_ever_made(kata):
    for causal in (False, True):
        found = attending.there_and_back(kata, SIZE, SIZE, causal).largest
        told = f"made, there and back, a tensor of {found:,} numbers for {T} queries and keys in"
        told = f"{told} blocks of {SIZE} x {SIZE}; q holds {T * D}, a table {T * T:,}"
        assert_holds(found <= 2 * T * D, told)


def test_no_table_is_ever_made__nor_with_blocks_as_they_are(kata):
    given = inputs(0, (300, 400, 1, 1))
    found = costs(lambda: kata.flash_attention(*given)).largest
    told = f"made, without `block_q` and `block_k`, a tensor of {found:,} numbers"
    assert_holds(found <= 2 * 128 * 128, f"{told}; a block of 128 x 128 is {128 * 128:,}")


def test_no_table_is_ever_made__nor_in_pieces(kata):
    given = [leaf(x) for x in inputs(0, (64, 64, 1, 1))]
    found = at_once(lambda: attending.back(kata.flash_attention(*given, 2, 32)))
    told = f"had, there and back, {found:,} numbers in memory at once for 64 queries and keys"
    assert_holds(found <= 64 * 64 // 2, f"{told} in blocks of 2 x 32; a table is {64 * 64:,}")


def test_what_is_kept_grows_with_the_length(kata):
    linear = T * (4 * D + 1)  # q, k, v, the output and the logsumexp
    for causal in (False, True):
        arguments = [*map(leaf, inputs(0, (T, T, D, D))), SIZE, SIZE, causal]
        found = kept(lambda given=arguments: kata.flash_attention(*given), 2 * linear)
        told = f"keeps {found:,} numbers for the way back, where q, k, v and what is returned"
        told = f"{told} are {linear:,}, and a table is {T * T:,}"
        assert_holds(found <= 2 * linear, told)


def test_blocks_above_the_diagonal_are_skipped(kata):
    n = T // SIZE
    for keys, needed in ((T, n * (n + 1) // 2), (T // 2, n // 2 * (n // 2 + 1) // 2)):
        full, causal = (
            attending.there_and_back(kata, SIZE, SIZE, on, keys=keys).multiplications
            for on in (False, True)
        )
        every = n * keys // SIZE
        told = f"did {causal:,} multiplications for {T} queries that look back on {keys} keys, and"
        told = f"{told} {full:,} where they see all; {needed} of {every} blocks hold a key they see"
        assert_holds(causal * every <= full * (needed + 1), told)


def test_the_inputs_are_left_alone(kata):
    given = inputs(0, (4, 5, 3, 2))
    assert_leaves_alone(kata.flash_attention, *given, 2, 2, True)
    first, second = (found[2:] for found in attending.parts(0, 2))
    assert_leaves_alone(kata.online_softmax_merge, *first, *second)
    assert_leaves_alone(kata.online_softmax_merge, *second, *first)
    for i in (0, 1):

        def one(q, k, v, i=i):
            return kata.flash_attention(q, k, v, 2, 2, True)[i]

        assert_keeps_type(lambda dtype, one=one: one, *given)
        assert_stays_on_device(one, *given)


def test_any_leading_axes_are_a_batch(kata):
    for before in ((2,), (3, 2), (2, 1, 3)):
        assert_batches(together(kata, 2, 3, True), *inputs(0, (4, 5, 3, 2), before))
    given = [x.transpose(1, 2) for x in inputs(0, (3, 3, 4, 2), (2, 5))]  # heads stand behind time
    right = attending.each(lambda *one: by_the_definition(*one, True))
    assert_same_gradients(together(kata, 2, 2, True), right, *given)


def test_half_precision_adds_up_in_float32(kata):
    for dtype, keys in ((torch.bfloat16, 300), (torch.float16, 30)):
        q, k, v = (x.to(dtype) for x in inputs(0, (1, keys, 4, 2)))
        q, v = q / 8, v.abs()
        right = by_the_definition(*(x.double() for x in (q, k, v)))
        o, lse = kata.flash_attention(q, k, v, 1, 1)
        told = f"returned for {str(dtype)[6:]} an output of {str(o.dtype)[6:]}"
        assert_holds(o.dtype == dtype, told, o)
        off = (lse.double() - right[:, -1]).abs().max().item()
        told = f"returned, for {keys} keys in {str(dtype)[6:]}, one after the other, a logsumexp of"
        told = f"{told} {lse.item():.6g}, in {str(lse.dtype)[6:]}; it is {right[0, -1].item():.6g}"
        assert_holds(off < 1e-4 and lse.dtype == torch.float32, told, lse)
        assert_close(o.double(), right[:, :-1], rtol=torch.finfo(dtype).eps, atol=1e-5)


def test_half_precision_adds_up_in_float32__in_each_step(kata):
    for three in attending.sharp(torch.bfloat16):
        o, lse = kata.flash_attention(*three)
        right = by_the_definition(*(x.double() for x in three))
        assert_close(torch.cat([o, lse[:, None]], -1).double(), right, rtol=0.004, atol=1e-5)


def test_half_precision_adds_up_in_float32__there_and_back(kata):
    q, k, v = (x.bfloat16() for x in inputs(0, (1, 300, 1, 1)))
    given, wide = ([leaf(x.to(kind)) for x in (q, k, v.abs())] for kind in (q.dtype, torch.double))
    attending.back(kata.flash_attention(*given, 1, 1))
    by_the_definition(*wide).sum().backward()
    for mine, right in zip(given, wide, strict=True):
        assert_close(gradient(mine).double(), gradient(right), rtol=0.01, atol=1e-6)


def test_a_block_of_none_is_refused(kata):
    given = inputs(0, SIZES)
    for name, size in product(("block_q", "block_k"), (0, -3)):
        for mentions in (name, str(size)):
            with assert_raises(ValueError, mentions=mentions):
                kata.flash_attention(*given, **{name: size})


def test_the_work_is_your_own(kata, shortcuts):
    for options in ((), (2, 2, True)):
        kata.flash_attention(*inputs(0, (4, 4, 3, 3), before=(2, 2)), *options)
    assert_own_work(shortcuts)
