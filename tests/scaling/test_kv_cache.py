"""spec/scaling/kv_cache.md, clause by clause."""

from functools import partial

import torch

from tests import caching
from tests.adapting import assert_learn, learning
from tests.caching import assert_as, assert_held, drawn, made, pair, pieces
from tests.devices import assert_stays_on_device
from tests.grouping import cut, project, shapes
from tests.laws import assert_close, assert_equal, assert_examples, assert_holds, assert_raises
from tests.models import SmallGPT
from tests.modes import assert_modes, modes
from tests.modules import assert_parameters, loaded
from tests.reading import assert_few, assert_root, assert_row, few
from tests.tensor_laws import assert_same_gradients, leaf
from tests.tensors import ids, tensor


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@drawn
def test_it_agrees_with_the_definition(kata, seed, heads, rotary, at):
    module, numbers, x = made(kata, seed, heads, rotary)
    right = caching.looking_back(numbers, x, 4, rotary)
    assert_close(module(x.clone()), right)
    assert_close(module(x[0].clone()), right[0])
    assert_close(module(x.clone(), kata.KVCache(9)), right)
    one, y = SmallGPT(bias=seed % 2 == 0), ids(seed, 2, 7, n=7)
    cached = kata.CachedGPT(one)
    assert_close(cached(y, cached.caches()), one(y).detach())


@drawn
def test_a_cache_gives_back_all_it_was_given(kata, seed, heads, rotary, at):
    for batch in ((), (2,), (3, 2)):
        both, cache, end = pair(seed, 7, *batch), kata.KVCache(7), 0
        assert_equal(len(cache), 0)
        for k, v in zip(*(pieces(x, at, -2) for x in both), strict=True):
            end += k.shape[-2]
            found = cache.append(k, v)
            assert_held(found, [x[..., :end, :] for x in both], f"given {end} tokens so far")
            assert_equal(len(cache), end)


def test_what_is_kept_is_a_copy(kata):
    mine, cache = pair(0, 4), kata.KVCache(9)
    cache.append(*mine)
    for x in mine:
        x.zero_()
    assert_held(caching.held(cache), pair(0, 4), "after a change to the tensors that were given")
    kept = [x[:, :4] for x in cache.append(*pair(5, 3))]
    assert_held(kept, pair(0, 4), "after another append, of the tokens before it")


def test_two_caches_share_nothing(kata):
    one, other = kata.KVCache(9), kata.KVCache(9)
    one.append(*pair(0, 4))
    other.append(*pair(7, 4))
    assert_held(caching.held(one), pair(0, 4), "after another cache was given other tokens")


def test_what_is_kept_has_no_history(kata):
    cache, (k, v) = kata.KVCache(9), pair(0, 4)
    for _ in range(2):
        kept = cache.append(leaf(k), leaf(v))
        names = [n for n, x in zip(("keys", "values"), kept, strict=True) if x.requires_grad]
        assert_holds(not names, f"keeps {names} with the history of how they were made")


def test_too_many_tokens_are_refused(kata):
    for taken, more, mentions in ((3, 3, "6"), (3, 3, "capacity"), (5, 1, "6"), (5, 4, "9")):
        cache = kata.KVCache(5)
        cache.append(*pair(0, taken))
        with assert_raises(ValueError, mentions):
            cache.append(*pair(9, more))
        told = f"refused {more} tokens after {taken}, and then has {len(cache)}"
        assert_holds(len(cache) == taken, told)
        assert_held(caching.held(cache), pair(0, taken), "after it refused some")
    module, _, x = made(kata, 0, (2, 2))
    with assert_raises(ValueError, "capacity"):
        module(x, cache := kata.KVCache(6))
    assert_equal(len(cache), 0)


def test_what_was_truncated_is_forgotten(kata):
    cache, both = kata.KVCache(9), pair(0, 5)
    for length in (5, 2, 0):
        cache.append(*(x[:, len(cache) :] for x in both))
        cache.truncate(length)
        assert_equal(len(cache), length)
        assert_held(caching.held(cache), [x[:, :length] for x in both], f"truncated to {length}")
    for other, name in (([x.float() for x in both], "type"), (pair(3, 2, 4), "batch")):
        assert_held(cache.append(*other), other, f"made empty, given another {name}")
        cache.truncate(0)


def test_a_length_that_there_is_not_is_refused(kata):
    for length in (-1, 5, 9):
        cache = kata.KVCache(9)
        cache.append(*pair(0, 4))
        for mentions in ("length", str(length)):
            with assert_raises(ValueError, mentions):
                cache.truncate(length)
        assert_held(caching.held(cache), pair(0, 4), "after it refused to truncate")


def test_type_and_device_are_kept(kata):
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        both = [x.to(dtype) for x in pair(0, 3)]
        assert_held(kata.KVCache(9).append(*both), both, f"given {str(dtype)[6:]}")
        module = kata.CachedAttention(8, 2, 1, rotary=True).to(dtype)
        y = module(tensor(0, 3, 8, dtype=dtype), kata.KVCache(9))
        assert_holds(y.dtype == dtype, f"returned {y.dtype} for an input of {dtype}", y)
    for caches in ((), (kata.KVCache(9),)):
        assert_stays_on_device(module.to("meta"), tensor(0, 3, 8, dtype=dtype), *caches)


@drawn
def test_a_new_token_sees_all_that_was_kept(kata, seed, heads, rotary, at):
    module, _, x = made(kata, seed, heads, rotary)
    for past, T in ((4, 3), (6, 1), (1, 2)):
        still, *outputs = caching.after_changes(kata, module, x, past, T, range(past))
        for j, y in enumerate(outputs):
            blind = [past + i for i in range(T) if torch.allclose(y[:, i], still[:, i])]
            told = f"did not let the tokens {blind} see token {j}: {past} were kept, {T} were new"
            assert_holds(not blind, told, y)


@drawn
def test_a_new_token_does_not_see_those_after_it(kata, seed, heads, rotary, at):
    module, _, x = made(kata, seed, heads, rotary)
    for past, T in ((0, 4), (3, 4), (1, 2)):
        after = range(past + 1, past + T)
        still, *outputs = caching.after_changes(kata, module, x, past, T, after)
        for n, y in enumerate(outputs, 1):
            saw = [past + i for i in range(n) if not torch.allclose(y[:, i], still[:, i])]
            told = f"let the tokens {saw} see token {past + n}: {past} were kept, {T} were new"
            assert_holds(not saw, told, y)


def test_scores_are_divided_by_the_root_of_d_head(kata):
    for length in (4, 9, 2):
        eye, cache = torch.eye(length, dtype=torch.float64), kata.KVCache(2)
        module = kata.CachedAttention(length, 1, 1)
        loaded(module, {f"{name}.weight": eye for name in "qkvo"})
        module(0 * eye[:1], cache)
        assert_root(module(eye[:1], cache)[0, 0].item(), length)  # what it takes of itself


@drawn
def test_any_pieces_give_the_whole(kata, seed, heads, rotary, at):
    module, numbers, x = made(kata, seed, heads, rotary)
    right, parts = caching.looking_back(numbers, x, 4, rotary), pieces(x, at, 1)
    told = f"gave, in pieces of {[part.shape[1] for part in parts]}, other values than the whole"
    assert_as(caching.read(module, parts, kata.KVCache(7)), right, told)


@drawn
def test_after_a_truncation_it_reads_as_if_fresh(kata, seed, heads, rotary, at):
    module, numbers, x = made(kata, seed, heads, rotary)
    cache, other = kata.KVCache(7), torch.cat([x[:, :2], x[:, 2:].flip(1)], 1)
    caching.read(module, pieces(x, at, 1), cache)
    cache.truncate(2)
    right = caching.looking_back(numbers, other, 4, rotary)[:, 2:]
    told = "gave, after truncate(2), other values than after two tokens"
    assert_as(module(other[:, 2:], cache), right, told)


@drawn
def test_kept_are_values_and_keys_in_their_places(kata, seed, heads, rotary, at):
    module, numbers, x = made(kata, seed, heads, rotary)
    cache, end = kata.KVCache(7), 0
    for part in pieces(x, at, 1):
        module(part, cache)
        keys, values = (y[..., end:, :] for y in caching.held(cache, 2, G=heads[1], d_head=4))
        k, v = (cut(project(numbers, name, part), 4) for name in "kv")
        caching.assert_keys(keys, k, end, rotary)
        assert_as(values, v, "keeps something else than the values")
        end += part.shape[1]


@drawn
def test_only_new_tokens_are_projected(kata, seed, heads, rotary, at):
    module, _, x = made(kata, seed, heads, rotary)
    cache, past = kata.KVCache(7), 0
    for part in pieces(x, at, 1):
        T, d = part.shape[1:]
        most = 2 * T * (2 * d * d + 2 * d * heads[1] * 4 + 2 * (past + T) * d)
        of = f"{T} new tokens of two sequences after {past} kept"
        assert_few(partial(module, part, cache), most, of)
        past += T


def test_only_new_tokens_are_projected__in_a_gpt(kata):
    model, x = SmallGPT(), ids(0, 2, 9, n=7)
    for past, T in ((0, 5), (5, 1), (4, 3)):
        cached = kata.CachedGPT(model)
        call = partial(cached, x[:, past : past + T], caching.caches_after(cached, x[:, :past]))
        assert_few(call, few(model, 2, past, T), f"{T} new ids of two texts after {past}")


def test_it_learns_what_grouped_query_attention_learns(kata):
    assert_parameters(kata.CachedAttention(12, 6, 2), shapes(12, 2, 2))
    assert_parameters(kata.CachedAttention(8, 2, 1, True, True), shapes(8, 1, 4, True))
    for d, H, G, name in ((7, 2, 1, "n_heads"), (8, 0, 1, "n_heads"), (8, 4, 3, "n_kv_heads")):
        with assert_raises(ValueError, name):
            kata.CachedAttention(d, H, G)


@drawn
def test_without_a_cache_all_of_it_learns(kata, seed, heads, rotary, at):
    module, numbers, x = made(kata, seed, heads, rotary)
    oracle = partial(caching.looking_back, d_head=4, rotary=rotary)
    assert_same_gradients(module, oracle, x, parameters=numbers)


@drawn
def test_a_cached_gpt_gives_what_the_gpt_gives(kata, seed, heads, rotary, at):
    model, x = SmallGPT(bias=seed % 2 == 0), ids(seed, 2, 7, n=7)
    cached, has = kata.CachedGPT(model), "without" if seed % 2 else "with"
    for y in (x, x[0]):
        caches, others, found, n = cached.caches(), cached.caches(), [], 0
        for part in pieces(y, at, -1):
            found.append(cached(part, caches).detach())
            cached(part.flip(-1), others)
            lengths, n = [len(cache) for cache in caches], n + part.shape[-1]
            told = f"left caches of the lengths {lengths}, of {n} ids that were read"
            assert_holds(lengths == [n, n], told)
        sizes = [f.shape[-2] for f in found]
        told = f"gave, in pieces of {sizes} and {has} biases of q, k and v, other scores"
        assert_as(torch.cat(found, -2), model(y).detach(), told)


def test_learned_positions_go_on(kata):
    model, x = SmallGPT(), ids(0, 1, 9, n=7)
    for name, p in model.named_parameters():
        p.data.mul_(float(not name.startswith("blocks")))  # a block gives what it was given
    for past, T in ((0, 2), (3, 1), (5, 4)):
        cached = kata.CachedGPT(model)
        y = cached(x[:, past : past + T], caching.caches_after(cached, x[:, :past]))
        assert_row(model, y[0, 0], x[0, past], past)
        assert_as(y.detach(), model(x)[:, past : past + T].detach(), "gave other scores")


def test_greedy_decoding_writes_the_same_ids(kata):
    for seed in range(3):
        model, x = SmallGPT(bias=seed > 0), ids(seed, 2, 3, n=7)
        cached = kata.CachedGPT(model)
        caches, written = cached.caches(), x
        for _ in range(6):
            x = torch.cat([x, model(x)[:, -1:].argmax(-1)], -1)
            scores = cached(written[:, len(caches[0]) :], caches)
            written = torch.cat([written, scores[:, -1:].argmax(-1)], -1)
        assert_equal(written.tolist(), x.tolist())


def test_the_model_stays_what_it_is(kata):
    model, x = SmallGPT(), ids(0, 2, 5, n=7)
    model.blocks[0].attn.k.weight.requires_grad_(False)
    model.blocks[1].eval()
    learn, before = learning(model), modes(model)
    cached, own = kata.CachedGPT(model), {id(p) for _, p in model.named_parameters()}
    cached(x, cached.caches())
    assert_modes(model, before)
    assert_learn(model, learn)
    for name, p in cached.named_parameters():
        assert_holds(id(p) in own, f"has a parameter `{name}`, which is none of the model's")
    for name in ("blocks.0.attn.q.weight", "blocks.1.attn.v.bias", "pos.weight", "head.weight"):
        model.get_parameter(name).data.mul_(-1)
        told = f"did not notice that `{name}` of the model had changed: gave old scores"
        assert_as(cached(x, cached.caches()).detach(), model(x).detach(), told)


def test_more_ids_than_the_context_are_refused(kata):
    cached, x = kata.CachedGPT(SmallGPT(context=5)), ids(0, 1, 9, n=7)
    for past, T in ((0, 6), (5, 1), (4, 2), (3, 4)):
        caches = caching.caches_after(cached, x[:, :past])
        for mentions in ("context", str(past + T)):
            with assert_raises(ValueError, mentions):
                cached(x[:, :T], caches)
        assert_equal([len(cache) for cache in caches], [past, past])
