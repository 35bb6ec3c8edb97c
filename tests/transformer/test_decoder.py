"""spec/transformer/decoder.md, clause by clause."""

from functools import cache, partial

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.modules import assert_parameters, assert_saved, loaded
from tests.modules import values as tensors
from tests.tensor_laws import assert_keeps_type, assert_same_gradients
from tests.tensors import seeds, some, tensor

SMALL = (2, 3, 4, 6, 3, 5)  # B, T, S, d_model, n_heads, d_ff
sizes = st.sampled_from([SMALL, (3, 4, 2, 4, 1, 7), (2, 4, 5, 4, 2, 3), (1, 2, 3, 6, 2, 8)])
PARTS, KINDS = ("self_attention", "cross_attention", "feed_forward"), ("weight", "bias")
NAMES = {f"{part}.norm": f"norm{i}" for i, part in enumerate(PARTS, 1)}  # ours to torch's
NAMES |= {"self_attention.fn.o": "self_attn.out_proj", "feed_forward.fn.up": "linear1"}
NAMES |= {"cross_attention.fn.o": "multihead_attn.out_proj", "feed_forward.fn.down": "linear2"}
torch_block = cache(partial(nn.TransformerDecoderLayer, dropout=0.0, batch_first=True))
SILENT = ("fn.o", "fn.down")  # with these at zero, sub-layers give zeros


def drawn(test):
    """Draw sizes, where the norms are, and a seed."""
    for pre_norm in (True, False):
        test = example(seed=0, size=SMALL, pre_norm=pre_norm)(test)
    return settings(max_examples=4)(given(seed=seeds, size=sizes, pre_norm=st.booleans())(test))


def shapes(d, wide, n=0, pre_norm=False):
    """List the parameters of a block; with n, those of a decoder."""
    if n:
        block, last = shapes(d, wide), {f"norm.{kind}": (d,) for kind in KINDS if pre_norm}
        return {f"layers.{i}.{name}": block[name] for i in range(n) for name in block} | last
    made = {f"{part}.norm.{kind}": (d,) for part in PARTS for kind in KINDS}
    made |= {f"{part}.fn.{p}.weight": (d, d) for part in PARTS[:2] for p in "qkvo"}
    made |= {f"{part}.fn.{p}.bias": (d,) for part in PARTS[:2] for p in "qkvo"}
    made |= {"feed_forward.fn.up.weight": (wide, d), "feed_forward.fn.up.bias": (wide,)}
    return made | {"feed_forward.fn.down.weight": (d, wide), "feed_forward.fn.down.bias": (d,)}


def values(size, seed, n=0, pre_norm=False, mute=()):
    """Make parameters so small that no share of attention vanishes; zeros for the muted ones."""
    made = tensors(shapes(size[3], size[5], n, pre_norm), seed).items()
    return {name: v / 2 * (not any(part in name for part in mute)) for name, v in made}


def made(kata, size, pre_norm, seed, n=0, dropout=0.0, mute=()):
    """Make a block; with n, a decoder."""
    kind, count = (kata.Decoder, [n]) if n else (kata.DecoderBlock, [])
    return loaded(kind(*count, *size[3:], dropout, pre_norm), values(size, seed, n, pre_norm, mute))


def inputs(seed, B, T, S, d, *_):
    return tensor(seed, B, T, d), tensor(seed + 1, B, S, d)


def part(given, at):
    return {name.removeprefix(at): v for name, v in given.items() if name.startswith(at)}


def normed(x, given, name="norm"):
    return F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])


def by_torch(given, x, memory, mask=None, memory_mask=None, heads=1, pre_norm=False, n=0):
    """Run torch's own block, or n of them, with these parameters under torch's names."""
    if n:
        for i in range(n):
            one = part(given, f"layers.{i}.")
            x = by_torch(one, x, memory, mask, memory_mask, heads, pre_norm)
        return normed(x, given) if pre_norm else x
    theirs = {f"{new}.{k}": given[f"{old}.{k}"] for old, new in NAMES.items() for k in KINDS}
    for k in KINDS:
        for old, new in (("self_attention", "self_attn"), ("cross_attention", "multihead_attn")):
            theirs[f"{new}.in_proj_{k}"] = torch.cat([given[f"{old}.fn.{p}.{k}"] for p in "qkv"])
    (B, T, d), S, wide = x.shape, memory.shape[1], len(theirs["linear1.bias"])
    past = torch.ones(T, T, dtype=torch.bool).tril() & (True if mask is None else mask)
    seen = torch.ones(T, S, dtype=torch.bool) if memory_mask is None else memory_mask
    hidden = [~m.expand(B, heads, T, m.shape[-1]).flatten(0, 1) for m in (past, seen)]
    block = torch_block(d, heads, wide, norm_first=pre_norm)
    return functional_call(block, theirs, (x, memory, *hidden))


def masks(seed, B, T, S, d, H, wide):
    """Make pairs of masks of every shape, in which each query may see something."""
    itself, first = torch.eye(T, dtype=torch.bool), torch.arange(S) == seed % S
    for lead in ((), (B, 1), (B, H)):
        yield some(seed, *lead, T, T) | itself, some(seed + 1, *lead, T, S) | first


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_parameters_have_the_names_of_the_table(kata):
    for pre_norm in (False, True):
        assert_saved(kata.DecoderBlock(4, 2, 6, pre_norm=pre_norm), shapes(4, 6))
        assert_saved(kata.Decoder(3, 4, 2, 6, pre_norm=pre_norm), shapes(4, 6, 3, pre_norm))


def test_every_layer_has_parameters_of_its_own(kata):
    assert_parameters(kata.DecoderBlock(4, 2, 6), shapes(4, 6))
    assert_parameters(kata.Decoder(3, 4, 2, 6, pre_norm=True), shapes(4, 6, 3, True))


@drawn
def test_no_position_looks_ahead(kata, seed, size, pre_norm):
    x, memory = inputs(seed, *size)
    for n in (0, 2):
        block = made(kata, size, pre_norm, seed, n)
        for t in range(1, size[1]):
            prefix = block(x[:, :t].clone(), memory).detach()
            assert_close(block(x.clone(), memory)[:, :t], prefix)


@drawn
def test_the_self_mask_can_only_forbid_more(kata, seed, size, pre_norm):
    (x, memory), block, T = inputs(seed, *size), made(kata, size, pre_norm, seed), size[1]
    assert_close(block(x, memory, torch.ones(T, T).bool()), block(x, memory).detach())
    seen = (torch.arange(T) > 0) | torch.eye(T).bool()  # only position 0 looks at position 0
    other = torch.cat([tensor(seed + 2, *x[:, :1].shape), x[:, 1:]], 1)
    right = block(other, memory, seen).detach()
    assert_close(block(x, memory, self_mask=seen)[:, 1:], right[:, 1:])


@drawn
def test_every_position_reads_the_whole_memory(kata, seed, size, pre_norm):
    (x, memory), block = inputs(seed, *size), made(kata, size, pre_norm, seed)
    before, other = block(x, memory).detach(), tensor(seed + 2, *memory.shape)
    for s in range(size[2]):
        there = (torch.arange(size[2]) == s)[:, None]
        after = block(x, torch.where(there, other, memory)).detach()
        same = [t for t in range(size[1]) if ((after - before)[:, t].abs() < 1e-9).all()]
        told = f"gave position {same[:1]} the same vector whatever stands at {s} of the memory"
        assert_holds(not same, told, after)
    order, (_, mask) = tensor(seed, size[2]).argsort(), next(masks(seed, *size))
    right = block(x, memory, None, mask).detach()
    assert_close(block(x, memory[:, order], None, mask[:, order]), right)


@drawn
def test_what_the_memory_mask_hides_has_no_influence(kata, seed, size, pre_norm):
    (x, memory), s = inputs(seed, *size), size[2] - 1
    mask = (torch.arange(size[2]) < s)[None, None, None]
    other = torch.cat([memory[:, :s], 9 * memory[:, :1]], 1)
    for n in (0, 2):
        module = made(kata, size, pre_norm, seed, n)
        right = module(x.clone(), memory[:, :s]).detach()
        assert_close(module(x.clone(), other, memory_mask=mask), right)


@drawn
def test_looking_at_equals_is_looking_at_one(kata, seed, size, pre_norm):
    x, memory = (each[:, :1].expand(each.shape) for each in inputs(seed, *size))
    given, right = values(size, seed), x
    for name, seen in (("self", normed(x, given, "self_attention.norm")), ("cross", memory[:, :1])):
        its = part(given, f"{name}_attention.fn.")
        found = (seen @ its["v.weight"].T + its["v.bias"]) @ its["o.weight"].T + its["o.bias"]
        right = right + found
    assert_close(made(kata, size, True, seed, mute=("fn.down",))(x, memory), right)


@drawn
def test_the_layers_run_one_after_another(kata, seed, size, pre_norm):
    given, pair = values(size, seed, 3, pre_norm), next(masks(seed, *size))
    x, memory = inputs(seed, *size)
    returned = made(kata, size, pre_norm, seed, 3)(x.clone(), memory, *pair)
    for i in range(3):
        block = kata.DecoderBlock(*size[3:], pre_norm=pre_norm)
        x = loaded(block, part(given, f"layers.{i}."))(x, memory, *pair).detach()
    assert_close(returned, normed(x, given) if pre_norm else x)


def test_dropout_acts_in_training_alone(kata):
    x, one = tensor(0, 200, 1, 4), {"feed_forward.fn.up.bias": torch.ones(1)}
    ends = {"self_attention.fn.o", "cross_attention.fn.o", "feed_forward.fn.down"}
    for end in sorted(ends):
        mute = ("o.bias", "up.weight", "down.bias", *ends - {end})  # one position, one inner entry
        given = values((1, 1, 1, 4, 1, 1), 0, mute=mute)
        block = loaded(kata.DecoderBlock(4, 1, 1, dropout=0.5, pre_norm=True), given | one)
        steady, noisy = ((block.train(mode)(x, x) - x).detach() for mode in (False, True))
        factors = (noisy / steady).round(decimals=6).abs().unique().tolist()
        told = f"made what {end[:-5]} adds {factors[:3]} times what it adds in evaluation, with a"
        assert_holds(factors == [0.0, 4.0], f"{told} dropout of 0.5 at two places, not 0 or 4")


@drawn
def test_dropout_acts_in_training_alone__and_nothing_else_does(kata, seed, size, pre_norm):
    x, memory = inputs(seed, *size)
    steady, way_around = (made(kata, size, pre_norm, seed, 2, mute=m) for m in ((), SILENT))
    drops, keeps_none = (made(kata, size, pre_norm, seed, 2, dropout=p) for p in (0.7, 1.0))
    assert_close(drops.eval()(x.clone(), memory), steady(x.clone(), memory).detach())
    assert_close(keeps_none(x.clone(), memory), way_around(x.clone(), memory).detach())


def test_dropout_is_zero_and_norms_come_last_by_default(kata):
    size = (2, 3, 5, 4, 2, 6)
    for n, module in ((0, kata.DecoderBlock(4, 2, 6)), (2, kata.Decoder(2, 4, 2, 6))):
        right = made(kata, size, False, 0, n)(*inputs(0, *size)).detach()
        assert_close(loaded(module, values(size, 0, n))(*inputs(0, *size)), right)


def test_it_works_where_its_input_lies(kata):
    decoder = kata.Decoder(2, 4, 2, 6).to("meta")
    assert_stays_on_device(decoder, torch.ones(2, 3, 4), torch.ones(2, 5, 4))


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, size, pre_norm):
    given, pair = values(size, seed, 2, pre_norm), next(masks(seed, *size))
    oracle = partial(by_torch, heads=size[4], pre_norm=pre_norm, n=2)
    decoder = made(kata, size, pre_norm, seed, 2)
    assert_same_gradients(decoder, oracle, *inputs(seed, *size), *pair, parameters=given)


def test_the_input_is_left_alone(kata):
    decoder, both = kata.Decoder(2, 4, 2, 6), (tensor(0, 2, 3, 4), tensor(1, 2, 5, 4))
    seen = torch.ones(3, 3).bool(), torch.ones(3, 5).bool()
    assert_leaves_alone(decoder, *(x.float() for x in both), *seen)
    assert_keeps_type(decoder.to, *both)


def test_the_work_is_your_own(kata, shortcuts):
    kata.Decoder(1, 4, 2, 6)(torch.zeros(2, 3, 4), torch.zeros(2, 5, 4))
    assert_own_work(shortcuts)


@drawn
def test_it_agrees_with_the_definition(kata, seed, size, pre_norm):
    for n in (0, 2):
        given, module = values(size, seed, n, pre_norm), made(kata, size, pre_norm, seed, n)
        for pair in [(), *masks(seed, *size)]:
            both = (*inputs(seed, *size), *pair)
            right = by_torch(given, *both, heads=size[4], pre_norm=pre_norm, n=n)
            assert_close(module(*both), right)
