"""spec/gpt/transformer_block.md, clause by clause."""

from functools import partial
from itertools import pairwise
from math import sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
)
from tests.modules import assert_parameters, assert_saved, count, loaded
from tests.modules import values as tensors
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import seeds, tensor

SMALL = (2, 3, 8, 4)  # B, T, d_model, n_heads
sizes = st.sampled_from([SMALL, (3, 4, 6, 2), (4, 2, 3, 1), (1, 5, 6, 3)])
POSITIONS = 2000  # one in each sequence, dropped or not
ERROR = 6 * sqrt(0.25 / POSITIONS)  # six standard deviations of a share of them


def drawn(law):
    """Draw a seed and sizes."""
    pinned = example(seed=0, size=SMALL)(law)
    return settings(max_examples=3)(given(seed=seeds, size=sizes)(pinned))


def shapes(d, qkv_bias=True):
    """List the parameters of a block."""
    made = {f"{norm}.{kind}": (d,) for norm in ("ln1", "ln2") for kind in ("weight", "bias")}
    made |= {f"attn.{name}.weight": (d, d) for name in "qkvo"}
    made |= {f"attn.{name}.bias": (d,) for name in ("qkvo" if qkv_bias else "o")}
    made |= {"mlp.up.weight": (4 * d, d), "mlp.up.bias": (4 * d,)}
    return made | {"mlp.down.weight": (d, 4 * d), "mlp.down.bias": (d,)}


def values(d, seed, *mute, qkv_bias=True):
    """Make parameters so small that no share of attention vanishes; zeros for the muted ones."""
    made = tensors(shapes(d, qkv_bias), seed).items()
    return {name: v / 2 * (not name.startswith(mute)) for name, v in made}


def block(kata, given, H, dropout=0.0):
    """Make a block of these parameters, in evaluation."""
    d, qkv_bias = len(given["ln1.weight"]), "attn.q.bias" in given
    one = loaded(kata.TransformerBlock(d, H, dropout, qkv_bias), given)
    one.eval()
    return one


def linear(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def normed(given, name, x):
    return F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])


def attended(given, x, H):
    """Give each position the past that it has, and no more."""
    q, k, v = (linear(given, f"attn.{name}", x).unflatten(-1, (H, -1)) for name in "qkv")
    found = []
    for t in range(x.shape[-2]):
        now, past = slice(t, t + 1), slice(t + 1)  # of axes (..., T, H, d_head)
        scores = (q[..., now, :, :] * k[..., past, :, :]).sum(-1, keepdim=True) / sqrt(q.shape[-1])
        found.append((scores.softmax(-3) * v[..., past, :, :]).sum(-3))
    return linear(given, "attn.o", torch.stack(found, -3).flatten(-2))


def by_the_definition(given, x, H):
    x = x + attended(given, normed(given, "ln1", x), H)
    inner = F.gelu(linear(given, "mlp.up", normed(given, "ln2", x)), approximate="tanh")
    return x + linear(given, "mlp.down", inner)


def by_torch(given, x, H):
    """Run torch's own block, with these parameters under torch's names."""
    (T, d), gelu = x.shape[-2:], partial(F.gelu, approximate="tanh")
    theirs, state = nn.TransformerEncoderLayer(d, H, 4 * d, 0, gelu, 1e-5, True, True), {}
    for kind in ("weight", "bias"):
        qkv = torch.cat([given[f"attn.{name}.{kind}"] for name in "qkv"])
        state |= {f"self_attn.in_proj_{kind}": qkv}
        for ours, name in (("attn.o", "self_attn.out_proj"), ("mlp.up", "linear1")):
            state |= {f"{name}.{kind}": given[f"{ours}.{kind}"]}
        for ours, name in (("mlp.down", "linear2"), ("ln1", "norm1"), ("ln2", "norm2")):
            state |= {f"{name}.{kind}": given[f"{ours}.{kind}"]}
    return functional_call(theirs, state, (x, torch.ones(T, T).triu(1).bool()))


def assert_independent(kept, what):
    """Assert that of what is kept in each sequence no two entries go together."""
    alike = torch.corrcoef(kept.flatten(1).double().T).detach().fill_diagonal_(0).abs().max()
    told = f"did not drop {what} each by itself: the correlation of two is {alike:.3g}"
    assert_holds(bool(alike < 2 * ERROR), told)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_parameters_have_the_names_of_the_table(kata):
    for fresh, right in (
        (kata.TransformerBlock(4, 2), shapes(4)),
        (kata.TransformerBlock(6, 2, qkv_bias=False), shapes(6, False)),
    ):
        assert_parameters(fresh, right)
        assert_saved(fresh, right)
        for name, value in fresh.state_dict().items():
            if name.startswith("ln"):
                assert_equal(value, torch.full(value.shape, float(name.endswith("weight"))))
    n = count(kata.TransformerBlock(768, 12))
    assert_holds(n == 7087872, f"has {n} numbers to learn, not 7087872")


@drawn
def test_a_position_looks_at_itself_and_those_before_it(kata, seed, size):
    B, T, d, H = size
    one, x = block(kata, values(d, seed, "mlp.down"), H), tensor(seed, B, T, d)
    before = (one(x.clone()) - x).detach()
    for j in range(T):
        other = x + (torch.arange(T) == j)[:, None] * tensor(seed + 1, B, T, d)
        after = (one(other.clone()) - other).detach()
        changed = ((after - before).abs() > 1e-9).any(-1)
        for i, (once, always) in enumerate(zip(changed.any(0), changed.all(0), strict=True)):
            gave = f"found something else at position {i} when position {j} changed"
            kept = f"found the same at position {i} whatever stands at position {j}"
            assert_holds(i >= j or not once, gave, after)
            assert_holds(i < j or bool(always), kept, after)


def test_a_position_looks_at_itself_and_those_before_it__in_a_sequence_of_any_length(kata):
    """One block, called with ever more positions; and then scores beyond a mask of -1e9."""
    for size, longest in ((1, 1100), (1e5, 50)):
        given, x = values(4, 0, "mlp.down"), tensor(0, longest, 4)
        one = block(kata, given | {"ln1.weight": size * given["ln1.weight"]}, 2)
        found = [(one(x[:T]) - x[:T]).detach() for T in (2, 5, longest)]
        for short, long in pairwise(found):
            assert_close(long[: len(short)], short)


@drawn
def test_what_a_part_finds_is_added_to_what_was_there(kata, seed, size):
    *shape, H = size
    one = block(kata, values(shape[-1], seed, "attn.o", "mlp.down"), H)
    assert_close(one(tensor(seed, *shape)), tensor(seed, *shape))


@drawn
def test_a_shift_goes_straight_through(kata, seed, size):
    B, T, d, H = size
    one, x, shift = block(kata, values(d, seed), H), tensor(seed, B, T, d), tensor(seed, B, T, 1)
    right = one(x.clone()).detach() + 9 * shift
    assert_close(one(x + 9 * shift), right)


@drawn
def test_the_network_reads_what_attention_left(kata, seed, size):
    *shape, H = size
    x = tensor(seed, *shape)
    for mute in ("mlp.down", "attn.o"):
        x = block(kata, values(shape[-1], seed, mute), H)(x.clone()).detach()
    assert_close(block(kata, values(shape[-1], seed), H)(tensor(seed, *shape)), x)


@drawn
def test_each_part_has_a_norm_of_its_own(kata, seed, size):
    *shape, H = size
    for mute, idle in (("mlp.down", "ln2"), ("attn.o", "ln1")):
        given = values(shape[-1], seed, mute)
        still = block(kata, given, H)(tensor(seed, *shape)).detach()
        other = {name: v + name.startswith(idle) for name, v in given.items()}
        assert_close(block(kata, other, H)(tensor(seed, *shape)), still)


@drawn
def test_scores_are_divided_by_the_root_of_d_head(kata, seed, size):
    *shape, H = size
    given, x = values(shape[-1], seed, "mlp.down"), tensor(seed, *shape)
    one = block(kata, given, H)
    assert_close(one(x.clone()), x + attended(given, normed(given, "ln1", x), H))


def test_the_network_has_the_gelu_of_gpt_2_inside(kata):
    given, x = values(4, 0, "attn.o", "mlp.up"), tensor(0, 2, 3, 4)
    given["mlp.up.bias"] = torch.linspace(-4, 4, 16).double()
    inner = F.gelu(given["mlp.up.bias"], approximate="tanh")
    one = block(kata, given, 2)
    assert_close(one(x.clone()), x + linear(given, "mlp.down", inner))


@drawn
def test_dropout_acts_in_training_alone(kata, seed, size):
    *shape, H = size
    x, given = tensor(seed, *shape), values(size[2], seed)
    still = block(kata, given, H)(x.clone()).detach()
    for name, one in (
        ("in evaluation", block(kata, given, H, dropout=0.7)),
        ("without being told to", loaded(kata.TransformerBlock(size[2], H), given)),
    ):
        y = one(x.clone())
        assert_holds(bool((y - still).abs().max() < 1e-9), f"dropped something {name}", y)
    assert_close(block(kata, given, H, dropout=1.0).train()(x.clone()), x)


def test_dropout_acts_in_training_alone__at_three_places(kata):
    """One position, one head: what it finds is dropped as a whole, and then entry by entry."""
    x, p = tensor(0, POSITIONS, 1, 16), 0.2
    for part, silent, places, share in (("attn", "mlp.down", 2, p), ("mlp", "attn.o", 1, 0.0)):
        given = values(16, 0, silent, "attn.o.bias", "mlp.down.bias")
        one = block(kata, given, 1, dropout=p)
        steady, noisy = ((one.train(mode)(x.clone()) - x).detach() for mode in (False, True))
        factors = (noisy / steady).round(decimals=6).abs().unique().tolist()
        right = [0.0, round((1 - p) ** -places, 6)]
        told = f"multiplied what {part} gives by {factors[:3]}, not by 0 or {right[1]:.4g}: it is"
        assert_holds(factors == right, f"{told} dropped {places} times, with a dropout of {p}")
        whole = (noisy == 0).all(-1).double().mean().item()
        told = f"dropped all that {part} gives at a share of {whole:.3g} of the positions"
        assert_holds(abs(whole - share) < ERROR, f"{told}, not {share}")


def test_dropout_acts_in_training_alone__each_place_by_itself(kata):
    """Attention adds 1 to zeros, and the network 2; then values lie in channels of their own."""
    given, p = values(8, 0, "attn", "mlp"), 0.2
    given |= {f"{name}.bias": n * torch.ones(8) for n, name in ((1, "attn.o"), (2, "mlp.down"))}
    one, x = block(kata, given, 2, dropout=p).train(), torch.zeros(POSITIONS, 3, 8).double()
    sums = torch.stack([(one(x.clone()) * (1 - p)).round() for _ in range(2)], 1)
    assert_independent(torch.stack([sums % 2, sums // 2], 1), "entries of what the parts give")
    given, x = values(32, 0, "attn", "mlp"), torch.zeros(POSITIONS, 3, 2, 2, 8).double()
    given |= {f"attn.{name}.weight": torch.eye(32) for name in "vo"}
    given |= {"ln1.weight": torch.ones(32), "ln1.bias": torch.zeros(32)}
    x[:, 0, :, 0] = x[:, 1, :, 1] = torch.tensor([1, -1]).repeat(4)
    x, one = x.flatten(2), block(kata, given, 2, dropout=p).train()
    found = torch.stack([(one(x.clone()) - x)[:, 1:] for _ in range(2)], 1)
    assert_independent(found.unflatten(-1, (2, 2, 8)).any(-1), "weights of attention")


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, size):
    *shape, H = size
    given = values(shape[-1], seed, qkv_bias=seed % 2 == 0)
    oracle, x = partial(by_the_definition, H=H), tensor(seed, *shape)
    assert_same_gradients(block(kata, given, H), oracle, x, parameters=given)


def test_the_input_is_left_alone(kata):
    one, x = kata.TransformerBlock(4, 2), tensor(0, 2, 3, 4, dtype=torch.float32)
    assert_leaves_alone(one, x)
    assert_keeps_type(one.to, x.double())
    assert_stays_on_device(kata.TransformerBlock(4, 2).to("meta"), x)


@drawn
def test_it_agrees_with_the_definition(kata, seed, size):
    *shape, H = size
    turned = 9 * tensor(seed, *shape[::-1], 2).permute(3, 2, 1, 0)
    for x in (tensor(seed, *shape), turned, tensor(seed, *shape[1:])):
        given = values(shape[-1], seed, qkv_bias=seed % 2 == 0)
        assert_close(block(kata, given, H)(x.clone()), by_the_definition(given, x, H))
    given, x = values(shape[-1], seed), tensor(seed, *shape)
    assert_close(block(kata, given, H)(x.clone()), by_torch(given, x, H))


@drawn
def test_it_agrees_with_the_definition__for_every_sequence_alone(kata, seed, size):
    *shape, H = size
    one = block(kata, values(shape[-1], seed), H)
    assert_batches(one, tensor(seed, *shape))
    assert_batches(one, tensor(seed, 2, *shape))
