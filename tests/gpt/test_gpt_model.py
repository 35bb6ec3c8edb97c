"""spec/gpt/gpt_model.md, clause by clause."""

from functools import partial
from itertools import combinations
from math import sqrt
from types import SimpleNamespace

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.devices import assert_stays_on_device
from tests.laws import assert_close, assert_examples, assert_holds, assert_raises
from tests.modules import assert_parameters, assert_saved, loaded
from tests.modules import values as tensors
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import chance, ids, seeds, tensor

SMALL = {"vocab": 7, "context": 5, "d_model": 6, "n_layers": 2, "n_heads": 3}
LARGE = {"vocab": 300, "context": 200, "d_model": 64, "n_layers": 2, "n_heads": 4}
SILENT = ("attn.o.weight", "attn.o.bias", "mlp.down.weight", "mlp.down.bias")


def drawn(law):
    """Draw a seed, what differs from the small model, and whether the head is the table."""
    for tied in (True, False):
        law = example(seed=0, change={}, tied=tied)(law)
    other = {"d_model": 8, "n_heads": 2, "vocab": 4}, {"n_layers": 3, "n_heads": 1}
    change = st.sampled_from([{}, {"n_layers": 1}, *other])
    return settings(max_examples=3)(given(seed=seeds, change=change, tied=st.booleans())(law))


def config(change=None, tied=True, dropout=0.0, qkv_bias=True):
    """Make a config of the small model, with two fields that a model does not read."""
    options = {"qkv_bias": qkv_bias, "tied": tied, "dropout": dropout, "eps": 9.0, "bias": True}
    return SimpleNamespace(**SMALL | (change or {}) | options)


def shapes(c, head=True):
    """List what is saved of a model; without a head, what a tied one learns."""
    d, norm = c.d_model, {"weight": (c.d_model,), "bias": (c.d_model,)}
    block = {f"ln{i}.{kind}": shape for i in (1, 2) for kind, shape in norm.items()}
    block |= {f"attn.{name}.weight": (d, d) for name in "qkvo"}
    block |= {f"attn.{name}.bias": (d,) for name in ("qkvo" if c.qkv_bias else "o")}
    block |= {"mlp.up.weight": (4 * d, d), "mlp.up.bias": (4 * d,)}
    block |= {"mlp.down.weight": (d, 4 * d), "mlp.down.bias": (d,)}
    made = {"tok.weight": (c.vocab, d), "pos.weight": (c.context, d)}
    made |= {f"blocks.{i}.{name}": block[name] for i in range(c.n_layers) for name in block}
    made |= {f"ln_f.{kind}": shape for kind, shape in norm.items()}
    return made | ({"head.weight": (c.vocab, d)} if head else {})


def values(c, seed, *mute):
    """Make parameters so small that no share of attention vanishes; zeros for the muted ones."""
    made = tensors(shapes(c, not c.tied), seed).items()
    return {name: v / 2 * (not name.endswith(mute)) for name, v in made}


def model(kata, c, given):
    """Make a model of these parameters, in evaluation; a tied one has the table for a head."""
    one = loaded(kata.GPT(c), {"head.weight": given["tok.weight"], **given})
    one.eval()
    return one


def normed(given, name, x):
    return F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])


def linear(given, name, x):
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0)


def attended(given, at, x, H):
    q, k, v = (linear(given, f"{at}.{name}", x).unflatten(-1, (H, -1)) for name in "qkv")
    heads = (part.transpose(-3, -2) for part in (q, k, v))
    found = F.scaled_dot_product_attention(*heads, is_causal=True)
    return linear(given, f"{at}.o", found.transpose(-3, -2).flatten(-2))


def by_the_definition(given, x, c):
    x = given["tok.weight"][x] + given["pos.weight"][: x.shape[-1]]
    for at in (f"blocks.{i}" for i in range(c.n_layers)):
        x = x + attended(given, f"{at}.attn", normed(given, f"{at}.ln1", x), c.n_heads)
        inner = linear(given, f"{at}.mlp.up", normed(given, f"{at}.ln2", x))
        x = x + linear(given, f"{at}.mlp.down", F.gelu(inner, approximate="tanh"))
    return normed(given, "ln_f", x) @ given["tok.weight" if c.tied else "head.weight"].mT


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_parameters_have_the_names_of_the_table(kata):
    for tied in (True, False):
        c = config({"n_layers": 1}, tied=tied, qkv_bias=tied)
        assert_saved(kata.GPT(c), shapes(c))
        assert_parameters(kata.GPT(c), shapes(c, head=not tied))


def test_every_block_has_parameters_of_its_own(kata):
    c = config({"n_layers": 3})
    assert_parameters(kata.GPT(c), shapes(c, head=False))


@drawn
def test_a_prefix_stands_alone(kata, seed, change, tied):
    c = config(change, tied)
    one, x = model(kata, c, values(c, seed)), ids(seed, 2, 5, n=c.vocab)
    prefixes, whole = [one(x[:, :t]) for t in range(1, 5)], one(x)
    for t, prefix in enumerate(prefixes, 1):
        assert_close(whole[:, :t], prefix.detach())


@drawn
def test_the_head_adds_up_and_does_nothing_else(kata, seed, change, tied):
    c = config(change, tied=False)
    given, x = values(c, seed), ids(seed, 2, 5, n=c.vocab)
    first, second = given["head.weight"], tensor(seed + 50, c.vocab, c.d_model)
    heads = (given | {"head.weight": head} for head in (first, second, first - 2 * second))
    a, b, both = (model(kata, c, head)(x).detach() for head in heads)
    assert_close(both, a - 2 * b)


@drawn
def test_a_last_norm_stands_before_the_head(kata, seed, change, tied):
    c = config(change, tied=False)
    given, x = values(c, seed), ids(seed, 2, 5, n=c.vocab)
    right = model(kata, c, given)(x).detach()
    for table in ("tok.weight", "pos.weight"):
        shifted = given[table] + 3 * tensor(seed, len(given[table]), 1)
        assert_close(model(kata, c, given | {table: shifted})(x), right)


@drawn
def test_an_id_enters_as_its_row_and_that_of_its_place(kata, seed, change, tied):
    c = config(change, tied)
    given, x = values(c, seed, *SILENT), ids(seed, 2, 4, n=c.vocab)
    entered = given["tok.weight"][x] + given["pos.weight"][:4]
    head = given.get("head.weight", given["tok.weight"])
    assert_close(model(kata, c, given)(x), normed(given, "ln_f", entered) @ head.mT)


@drawn
def test_a_tied_head_is_the_table(kata, seed, change, tied):
    c, x = config(change), ids(seed, 2, 5, n=config(change).vocab)
    given, found = values(c, seed), []
    free = model(kata, config(change, tied=False), given | {"head.weight": given["tok.weight"]})
    for one, names in (
        (free, ("tok.weight", "head.weight")),
        (model(kata, c, given), ("tok.weight",)),
    ):
        tables = [dict(one.named_parameters())[name] for name in names]
        for table in tables:
            table.data *= 2
        y = one(x)
        (y * tensor(1, *y.shape)).sum().backward()
        found.append((y.detach(), sum(table.grad for table in tables)))
    assert_close(found[1][0], found[0][0])
    told = "has a gradient for `tok.weight` that is not the sum of those of table and head"
    assert_holds(bool((found[1][1] - found[0][1]).abs().max() < 1e-9), told, y)


def test_it_begins_with_small_random_numbers(kata):
    for tied in (True, False):
        with chance(0):
            fresh = dict(kata.GPT(config(LARGE, tied)).named_parameters())
        for name, value in fresh.items():
            if value.ndim == 1:
                ones = float(name.endswith("weight"))
                assert_close(value.detach(), torch.full(value.shape, ones))
                continue
            right, n = 0.02 / (2 if name.endswith(SILENT) else 1), value.numel()
            within = (value.abs() < right).double().mean()  # of normal numbers: 0.6827
            for what, found, wanted, error in (
                ("a standard deviation", value.std(), right, right / sqrt(2 * n)),
                ("a mean", value.mean(), 0.0, right / sqrt(n)),
                ("a share within one standard deviation", within, 0.6827, sqrt(0.22 / n)),
            ):
                told = f"begins with {name} of {what} of {found:.4g}, not about {wanted:.4g}"
                assert_holds(abs(found - wanted) < 6 * error, told)


def test_it_begins_with_small_random_numbers__no_two_matrices_alike(kata):
    fresh = {}
    for seed, which in enumerate(("one model", "another")):
        with chance(seed):
            for name, value in kata.GPT(config(LARGE, tied=False)).named_parameters():
                if value.ndim == 2:
                    fresh |= {f"{name} of {which}": value.detach()}
    for (i, a), (j, b) in combinations(fresh.items(), 2):
        if a.shape == b.shape:
            alike = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
            told = f"begins with {i} and {j} alike: their correlation is {alike:.3g}"
            assert_holds(abs(alike) < 6 / sqrt(a.numel()), told)


def test_more_ids_than_the_context_are_refused(kata):
    for context in (5, 1):
        one = kata.GPT(config({"context": context}))
        y, shape = one(ids(0, 2, context, n=7)), (2, context, 7)
        assert_holds(y.shape == shape, f"returned shape {tuple(y.shape)}, not {shape}", y)
        for T in (context + 1, 13):
            with assert_raises(ValueError, "context"):
                one(ids(0, 2, T, n=7))


@drawn
def test_dropout_acts_in_training_alone(kata, seed, change, tied):
    c, always = config(change, tied), config(change, tied, dropout=1.0)
    x, given = ids(seed, 2, 4, n=c.vocab), values(c, seed)
    still = model(kata, c, given)(x).detach()
    nothing = (given["ln_f.bias"] @ given.get("head.weight", given["tok.weight"]).mT).detach()
    for one, right, told in (
        (model(kata, c, given).train(), still, "dropped something with a dropout of 0"),
        (model(kata, config(change, tied, 0.7), given), still, "dropped something in evaluation"),
        (model(kata, always, given).train(), nothing, "kept something with a dropout of 1"),
    ):
        y = one(x)
        assert_holds(bool((y - right).abs().max() < 1e-9), told, y)


def test_dropout_acts_in_training_alone__at_four_places(kata):
    """Each place in turn adds a number so small that eps shows, and nothing to channel 0."""
    c, p = config({"vocab": 16, "d_model": 16, "n_heads": 2}, tied=False, dropout=0.2), 0.2
    small, at = 1e-3 * (torch.arange(16) > 0).double(), "blocks.1"
    silent = {name: 0 * v for name, v in values(c, 0).items()}
    silent |= {"head.weight": torch.eye(16), "ln_f.weight": torch.ones(16)}
    rows = {"tok.weight": 3 * small.expand(16, 16), "pos.weight": -2 * small.expand(5, 16)}
    for what, parts, T, times in (
        ("the sum of the tables", rows, 3, 1),
        ("what attention gives", {f"{at}.attn.o.bias": small}, 3, 1),
        ("what the network gives", {f"{at}.mlp.down.bias": small}, 3, 1),
        (
            "values, by weight and by entry",
            {f"{at}.attn.v.bias": small, f"{at}.attn.o.weight": torch.eye(16)},
            1,
            2,
        ),
    ):
        one, x = model(kata, c, silent | parts).train(), ids(0, 1000, T, n=16)
        y = torch.stack([one(x).detach() for _ in range(2)], 1)
        kept = (y - y[..., :1] > 1e-6)[..., 1:]
        gone, right = 1 - kept.double().mean().item(), 1 - (1 - p) ** times
        told = f"dropped a share of {gone:.3g} of {what}, not {right:.3g}"
        assert_holds(abs(gone - right) < 6 * sqrt(0.25 / 1000), told, y)
        right = small * F.pad(kept, (1, 0)) / (1 - p) ** times
        told = f"did not divide what it kept of {what} by 1 - dropout"
        assert_holds(bool((y - F.layer_norm(right, (16,))).abs().max() < 1e-9), told, y)
        alike = torch.corrcoef(kept.flatten(1).double().T).fill_diagonal_(0).abs().max()
        told = (
            f"did not drop entries of {what} each by itself: the correlation of two is {alike:.3g}"
        )
        assert_holds(times > 1 or bool(alike < 6 / sqrt(1000)), told, y)


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, change, tied):
    c = config(change, tied, qkv_bias=seed % 2 == 0)
    given, x, oracle = values(c, seed), ids(seed, 2, 4, n=c.vocab), partial(by_the_definition, c=c)
    assert_same_gradients(model(kata, c, given), oracle, x, parameters=given)


@drawn
def test_it_agrees_with_the_definition(kata, seed, change, tied):
    c = config(change, tied, qkv_bias=seed % 2 == 0)
    given = values(c, seed)
    one = model(kata, c, given)
    for shape in ((2, 5), (3, 2, 3), (4,), (2, 1)):
        x = ids(seed, *shape, n=c.vocab)
        assert_close(one(x.clone()), by_the_definition(given, x, c))
    assert_batches(one, ids(seed, 2, 4, n=c.vocab))


def test_it_agrees_with_the_definition__and_keeps_type_and_device(kata):
    one, x = kata.GPT(config()), ids(0, 2, 4, n=7)
    types = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    assert_keeps_type(one.to, x, types=types)
    assert_stays_on_device(kata.GPT(config()).to("meta"), x)
