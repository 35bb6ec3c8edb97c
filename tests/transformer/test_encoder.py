"""spec/transformer/encoder.md, clause by clause."""

from functools import cache, partial

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.modules import assert_parameters, assert_saved, loaded
from tests.modules import values as tensors
from tests.tensor_laws import assert_keeps_type, assert_same_gradients
from tests.tensors import ids, seeds, some, tensor

SMALL = (2, 3, 6, 3, 5)  # B, T, d_model, n_heads, d_ff
sizes = st.sampled_from([SMALL, (3, 2, 4, 1, 7), (2, 5, 4, 2, 3), (1, 4, 6, 2, 8)])
PARTS, KINDS = ("attention", "feed_forward"), ("weight", "bias")
torch_block = cache(partial(nn.TransformerEncoderLayer, dropout=0.0, batch_first=True))
SILENT = ("fn.o", "fn.down")  # with these at zero, sub-layers give zeros


def drawn(test):
    """Draw sizes, where the norms are, and a seed."""
    for pre_norm in (True, False):
        test = example(seed=0, size=SMALL, pre_norm=pre_norm)(test)
    return settings(max_examples=5)(given(seed=seeds, size=sizes, pre_norm=st.booleans())(test))


def shapes(d, wide, n=0, pre_norm=False):
    """List the parameters of a block; with n, those of an encoder."""
    if n:
        block, last = shapes(d, wide), {f"norm.{kind}": (d,) for kind in KINDS if pre_norm}
        return {f"layers.{i}.{name}": block[name] for i in range(n) for name in block} | last
    made = {f"{part}.norm.{kind}": (d,) for part in PARTS for kind in KINDS}
    made |= {f"attention.fn.{p}.weight": (d, d) for p in "qkvo"}
    made |= {f"attention.fn.{p}.bias": (d,) for p in "qkvo"}
    made |= {"feed_forward.fn.up.weight": (wide, d), "feed_forward.fn.up.bias": (wide,)}
    return made | {"feed_forward.fn.down.weight": (d, wide), "feed_forward.fn.down.bias": (d,)}


def values(size, seed, n=0, pre_norm=False, mute=()):
    """Make parameters so small that no share of attention vanishes; zeros for the muted ones."""
    made = tensors(shapes(size[2], size[4], n, pre_norm), seed).items()
    return {name: v / 2 * (not any(part in name for part in mute)) for name, v in made}


def made(kata, size, pre_norm, seed, n=0, dropout=0.0, mute=()):
    """Make a block; with n, an encoder."""
    kind, count = (kata.Encoder, [n]) if n else (kata.EncoderBlock, [])
    return loaded(kind(*count, *size[2:], dropout, pre_norm), values(size, seed, n, pre_norm, mute))


def part(given, at):
    return {name.removeprefix(at): v for name, v in given.items() if name.startswith(at)}


def normed(x, given, *names):
    for name in names:
        x = F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])
    return x


def by_torch(given, x, mask=None, heads=1, pre_norm=False, n=0):
    """Run torch's own block, or n of them, with these parameters under torch's names."""
    if n:
        for i in range(n):
            x = by_torch(part(given, f"layers.{i}."), x, mask, heads, pre_norm)
        return normed(x, given, *["norm"] * pre_norm)
    theirs = {}
    for kind in KINDS:
        qkv = [given[f"attention.fn.{p}.{kind}"] for p in "qkv"]
        theirs[f"self_attn.in_proj_{kind}"] = torch.cat(qkv)
        theirs[f"self_attn.out_proj.{kind}"] = given[f"attention.fn.o.{kind}"]
        theirs[f"linear1.{kind}"] = given[f"feed_forward.fn.up.{kind}"]
        theirs[f"linear2.{kind}"] = given[f"feed_forward.fn.down.{kind}"]
        theirs |= {f"norm{i}.{kind}": given[f"{p}.norm.{kind}"] for i, p in enumerate(PARTS, 1)}
    (B, T, d), wide = x.shape, len(theirs["linear1.bias"])
    hidden = None if mask is None else ~mask.expand(B, heads, T, T).flatten(0, 1)
    return functional_call(torch_block(d, heads, wide, norm_first=pre_norm), theirs, (x, hidden))


def masks(seed, B, T, d, H, wide):
    """Make masks of every shape, in which each query may see something."""
    itself = torch.eye(T, dtype=torch.bool)
    keys = torch.arange(T) < 1 + ids(seed, B, 1, 1, 1, n=T)
    pairs = (T, T), (B, 1, T, T), (B, H, T, T)
    return [None, keys, *(some(seed, *shape) | itself for shape in pairs)]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@drawn
def test_the_output_has_the_shape_of_the_input(kata, seed, size, pre_norm):
    for n in (0, 2):
        y = made(kata, size, pre_norm, seed, n)(tensor(seed, *size[:3]))
        assert_holds(y.shape == size[:3], f"returned shape {tuple(y.shape)}, not {size[:3]}", y)


def test_the_parameters_have_the_names_of_the_table(kata):
    for pre_norm in (False, True):
        fresh = kata.Encoder(3, 4, 2, 6, pre_norm=pre_norm)
        assert_saved(kata.EncoderBlock(4, 2, 6, pre_norm=pre_norm), shapes(4, 6))
        assert_saved(fresh, shapes(4, 6, 3, pre_norm))
        for name, value in fresh.state_dict().items():
            if "norm." in name:
                assert_equal(value, torch.full((4,), float(name.endswith("weight"))))


@drawn
def test_every_position_looks_at_every_other(kata, seed, size, pre_norm):
    block, x = made(kata, size, pre_norm, seed), tensor(seed, *size[:3])
    before = block(x).detach()
    for j in range(size[1]):
        there = (torch.arange(size[1]) == j)[:, None]
        after = block(x + there * tensor(seed + 1, *size[:3])).detach()
        changed = ((after - before).abs() > 1e-9).any(-1).all(0).tolist()
        i = [*changed, False].index(False)
        told = f"gave position {i} the same vector whatever stands at position {j}"
        assert_holds(all(changed), told, after)


@drawn
def test_the_order_of_the_positions_is_not_seen(kata, seed, size, pre_norm):
    x, order = tensor(seed, *size[:3]), tensor(seed, size[1]).argsort()
    encoder = made(kata, size, pre_norm, seed, n=2)
    still = encoder(x.clone()).detach()
    assert_close(encoder(x[:, order]), still[:, order])


@drawn
def test_what_the_mask_hides_has_no_influence(kata, seed, size, pre_norm):
    (B, T), x = size[:2], tensor(seed, *size[:3])
    lengths = [T - 1, *(1 + ids(seed, B - 1, n=T)).tolist()]
    real = torch.arange(T) < torch.tensor(lengths)[:, None]
    other = torch.where(real[..., None], x, 9 * tensor(seed + 1, *size[:3]))
    for n in (0, 2):
        module = made(kata, size, pre_norm, seed, n)
        rows = (x.clone()[i : i + 1, :t] for i, t in enumerate(lengths))
        alone = torch.cat([module(row)[0].detach() for row in rows])
        assert_close(module(x.clone(), real[:, None, None])[real], alone)
        assert_close(module(other, mask=real[:, None, None])[real], alone)


@drawn
def test_what_a_sub_layer_finds_is_added_to_what_it_got(kata, seed, size, pre_norm):
    given, x = values(size, seed), tensor(seed, *size[:3])
    both = normed(x, given, "attention.norm", "feed_forward.norm")
    assert_close(made(kata, size, pre_norm, seed, mute=SILENT)(x), x if pre_norm else both)


def test_a_negative_inner_entry_is_cut_off(kata):
    given = values((2, 3, 4, 2, 3), 0, mute=("fn.o", "up.weight"))
    given["feed_forward.fn.up.bias"] = torch.tensor([-1.0, -0.25, 2.0]).double()
    right = 2 * given["feed_forward.fn.down.weight"][:, 2] + given["feed_forward.fn.down.bias"]
    block, x = loaded(kata.EncoderBlock(4, 2, 3, pre_norm=True), given), tensor(0, 2, 3, 4)
    assert_close(block(x), x + right)


def test_every_layer_has_parameters_of_its_own(kata):
    assert_parameters(kata.EncoderBlock(4, 2, 6), shapes(4, 6))
    for n, pre_norm in ((1, False), (2, False), (3, True)):
        encoder = kata.Encoder(n, 4, 2, 6, pre_norm=pre_norm)
        assert_parameters(encoder, shapes(4, 6, n, pre_norm))


@drawn
def test_only_with_pre_norm_a_last_norm_follows(kata, seed, size, pre_norm):
    own = [f"layers.{i}.{part}.norm" for i in range(2) for part in PARTS]
    given, x = values(size, seed, 2, pre_norm), tensor(seed, *size[:3])
    right = normed(x, given, *(["norm"] if pre_norm else own))
    assert_close(made(kata, size, pre_norm, seed, 2, mute=SILENT)(x), right)


@drawn
def test_the_layers_run_one_after_another(kata, seed, size, pre_norm):
    given, mask = values(size, seed, 3, pre_norm), masks(seed, *size)[2]
    returned = made(kata, size, pre_norm, seed, 3)(tensor(seed, *size[:3]), mask)
    x = tensor(seed, *size[:3])
    for i in range(3):
        block = kata.EncoderBlock(*size[2:], pre_norm=pre_norm)
        x = loaded(block, part(given, f"layers.{i}."))(x, mask).detach()
    assert_close(returned, normed(x, given, *["norm"] * pre_norm))


def test_dropout_acts_in_training_alone(kata):
    """One position and one inner entry: each is dropped as a whole, or kept and doubled."""
    x, one = tensor(0, 200, 1, 4), {"feed_forward.fn.up.bias": torch.ones(1)}
    for part, other in (("attention", "fn.down"), ("feed_forward", "fn.o")):
        given = values((1, 1, 4, 1, 1), 0, mute=(other, "o.bias", "up.weight", "down.bias"))
        block = loaded(kata.EncoderBlock(4, 1, 1, dropout=0.5, pre_norm=True), given | one)
        steady, noisy = ((block.train(mode)(x) - x).detach() for mode in (False, True))
        factors = (noisy / steady).round(decimals=6).abs().unique().tolist()
        told = f"made what {part} adds {factors[:3]} times what it adds in evaluation, with a"
        assert_holds(factors == [0.0, 4.0], f"{told} dropout of 0.5 at two places, not 0 or 4")


@drawn
def test_dropout_acts_in_training_alone__and_nothing_else_does(kata, seed, size, pre_norm):
    x, encoder = tensor(seed, *size[:3]), made(kata, size, pre_norm, seed, 2, dropout=0.7)
    assert_close(encoder.eval()(x.clone()), made(kata, size, pre_norm, seed, 2)(x.clone()).detach())
    way_around = made(kata, size, pre_norm, seed, 2, mute=SILENT)(x.clone()).detach()
    assert_close(made(kata, size, pre_norm, seed, 2, dropout=1.0)(x), way_around)


def test_dropout_is_zero_and_norms_come_last_by_default(kata):
    x, size = tensor(0, 2, 3, 4), (2, 3, 4, 2, 6)
    for n, module in ((0, kata.EncoderBlock(4, 2, 6)), (2, kata.Encoder(2, 4, 2, 6))):
        right = made(kata, size, False, 0, n)(x).detach()
        assert_close(loaded(module, values(size, 0, n))(x), right)


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, size, pre_norm):
    given, mask = values(size, seed, 2, pre_norm), masks(seed, *size)[1]
    oracle = partial(by_torch, heads=size[3], pre_norm=pre_norm, n=2)
    encoder, x = made(kata, size, pre_norm, seed, 2), tensor(seed, *size[:3])
    assert_same_gradients(encoder, oracle, x, mask, parameters=given)


def test_the_input_is_left_alone(kata):
    encoder = kata.Encoder(2, 4, 2, 6)
    assert_leaves_alone(encoder, torch.ones(2, 3, 4), torch.ones(3, 3).tril().bool())
    assert_keeps_type(encoder.to, tensor(0, 2, 3, 4))


def test_the_work_is_your_own(kata, shortcuts):
    kata.Encoder(1, 4, 2, 6)(torch.zeros(2, 3, 4))
    assert_own_work(shortcuts)


@drawn
def test_it_agrees_with_the_definition(kata, seed, size, pre_norm):
    x = tensor(seed, *size[:3])
    for n in (0, 2):
        given, module = values(size, seed, n, pre_norm), made(kata, size, pre_norm, seed, n)
        for mask in masks(seed, *size):
            assert_close(module(x, mask), by_torch(given, x, mask, size[3], pre_norm, n))
