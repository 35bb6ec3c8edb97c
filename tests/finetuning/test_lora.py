"""spec/finetuning/lora.md, clause by clause."""

from functools import partial
from math import sqrt

import torch
from torch import nn

from tests import adapting
from tests.adapting import MATCHES, adapted, assert_learn, by_the_definition, drawn, network, shapes
from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
)
from tests.modes import assert_modes, assert_recording_kept, modes
from tests.modules import assert_saved, values
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import chance, tensor


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@drawn
def test_it_agrees_with_the_definition(kata, seed, sizes, scale, bias):
    r, alpha = scale
    numbers, x = values(shapes(*sizes, r, bias), seed), tensor(seed + 9, 2, 3, sizes[0])
    lora = adapted(kata, numbers, alpha)
    assert_close(lora(x.clone()), by_the_definition(numbers, x, alpha / r))
    right = partial(by_the_definition, scale=alpha / r)
    assert_close(lora(x[0, 0].clone()), right(numbers, x[0, 0]))
    assert_same_gradients(lora, right, x, parameters=numbers)


@drawn
def test_at_first_it_says_what_the_layer_says(kata, seed, sizes, scale, bias):
    base, x = adapting.plain(*sizes, bias), tensor(seed + 9, 3, sizes[0])
    right = x @ base.weight.detach().double().T + (base.bias.detach() if bias else 0)
    assert_close(kata.LoRALinear(base, *scale).double()(x.clone()), right)


def test_a_is_random_and_b_is_zero(kata):
    for n_in, r in ((100, 4000), (1000, 400)):
        with chance():
            first, lora = (kata.LoRALinear(nn.Linear(n_in, 7), r, 1.0) for _ in range(2))
        A, B, right = lora.A.detach(), lora.B.detach(), 1 / sqrt(n_in)
        std, mean, top = A.std().item(), A.mean().item(), A.abs().max().item()
        assert_holds(bool((B == 0).all()), "made a B that is not all zeros")
        told = f"made an A, for {n_in} inputs, of standard deviation {std:.4f}, not {right:.4f}"
        assert_holds(abs(std / right - 1) < 0.08, told)
        told = f"made an A of mean {mean:.4f}, all within {top / right:.2f} deviations: that is not"
        assert_holds(abs(mean) < 0.08 * right and top > 3.5 * right, f"{told} normal")
        assert_holds(not torch.equal(first.A, A), "made the same A for two layers")


@drawn
def test_what_is_added_is_multiplied_by_alpha_over_r(kata, seed, sizes, scale, bias):
    r, alpha = scale
    numbers, x = values(shapes(*sizes, r, bias), seed), tensor(seed + 9, 3, sizes[0])
    y, base = adapted(kata, numbers, alpha)(x.clone()), by_the_definition(numbers, x, 0.0)
    way = by_the_definition(numbers, x, 1.0) - base
    found, right = (((y - base) * way).sum() / way.square().sum()).item(), alpha / r
    told = f"added {found:.6g} times x A^T B^T, not {right:.6g}"
    assert_holds(abs(found - right) < 1e-9, told, y)


def test_the_first_step_moves_b_alone(kata):
    lora = kata.LoRALinear(nn.Linear(4, 3), 2, 5.0).double()
    lora(tensor(1, 6, 4)).sin().sum().backward()
    for name, moves in (("A", False), ("B", True)):
        slope = getattr(lora, name).grad
        top = 0.0 if slope is None else slope.abs().max().item()
        told = f"gave `{name}` a first gradient of at most {top:.4g}; it should"
        assert_holds((top > 0) == moves, f"{told} {'not ' * moves}be 0")


def test_only_the_adapter_learns(kata):
    base, x = adapting.plain(4, 3), tensor(1, 6, 4)
    lora = kata.LoRALinear(base, 2, 5.0).double()
    before = {name: p.detach().clone() for name, p in lora.named_parameters()}
    assert_learn(lora, ["A", "B"])
    for _ in range(2):
        adapting.step(lora, x)
    for name, p in lora.named_parameters():
        told = f"moved `{name}` in two steps" if "." in name else f"did not move `{name}`"
        assert_holds(torch.equal(p, before[name]) == ("." in name), told)
    big = kata.LoRALinear(nn.Linear(768, 768), 8, 16.0)
    assert_equal(sum(p.numel() for _, p in big.named_parameters() if p.requires_grad), 12_288)


def test_only_the_adapter_learns__and_the_layer_is_the_one_given(kata):
    base, x = adapting.plain(4, 3), tensor(1, 6, 4).float()
    lora = kata.LoRALinear(base, 2, 5.0)
    base.weight.data += 1
    y, told = lora(x.clone()), "says what the layer said before it was changed: it has a copy"
    assert_holds(torch.allclose(y, base(x)), told, y)
    assert_learn(base, [])


@drawn
def test_the_merged_layer_does_the_same(kata, seed, sizes, scale, bias):
    r, alpha = scale
    numbers, x = values(shapes(*sizes, r, bias), seed), tensor(seed + 9, 6, sizes[0])
    merged = adapted(kata, numbers, alpha, dropout=0.5).merge()
    assert_saved(merged, {"weight": sizes[::-1]} | ({"bias": sizes[1:]} if bias else {}))
    assert_close(merged(x.clone()), by_the_definition(numbers, x, alpha / r))
    assert_learn(merged, ["weight", "bias"][: 1 + bias])
    rank = int(torch.linalg.matrix_rank(merged.weight.detach() - numbers["base.weight"], atol=1e-9))
    assert_holds(rank <= r, f"moved the weight by a matrix of rank {rank}, though r is {r}")


def test_merging_leaves_the_adapter_alone(kata):
    numbers = values(shapes(5, 4, 2))
    lora = adapted(kata, numbers, 3.0)
    first, second = lora.merge(), lora.merge()
    for told in ("changed, by merging,", "shares memory: what changes the merged layer changes"):
        for name, p in lora.named_parameters():
            assert_holds(torch.equal(p, numbers[name]), f"{told} `{name}`")
        same = torch.equal(first.weight, second.weight) or told.startswith("shares")
        assert_holds(same, "merged a second time, and into another weight")
        with torch.no_grad():
            first.weight += 1
            first.bias += 1
    assert_learn(lora, ["A", "B"])
    assert_recording_kept(lora.merge)


def test_dropout_acts_on_the_way_through_a_alone(kata):
    x, numbers = tensor(1, 3), values(shapes(3, 4, 2))
    right = by_the_definition(numbers, x, 2.5)
    for p in (0.3, 0.8, 1.0):
        lora = adapted(kata, numbers, 5.0, dropout=p).train()
        masks, outputs = adapting.by_mask(numbers, x, p, 2.5)
        y = lora(x.expand(600, 3).clone()).detach()
        near = torch.isclose(y[:, None], outputs).all(-1)
        told = f"dropped something else than inputs of A, or did not divide by {1 - p:.1f}"
        assert_holds(bool(near.any(-1).all()), told, y)
        found = masks[near.int().argmax(-1)]
        share = 1 - found.double().mean(0)
        told = f"dropped {share.tolist()} of the three inputs of A, not {p} of each"
        assert_holds(bool(((share - p).abs() < 0.16).all()), told, y)  # 8 sigma
        told = "dropped all inputs of A at a time, or none"
        assert_holds(p == 1.0 or len(found.unique(dim=0)) > 2, told, y)
        y = lora.eval()(x.clone())
        assert_holds(torch.allclose(y, right), "dropped something in evaluation", y)
    y = adapted(kata, numbers, 5.0).train()(x.clone())
    assert_holds(torch.allclose(y, right), "dropped something, though not told to", y)


def test_it_has_the_type_and_the_mode_of_the_layer(kata):
    half, meta = nn.Linear(3, 4, dtype=torch.bfloat16), nn.Linear(3, 4, device="meta")
    for base in (half, nn.Linear(3, 4).double().eval(), meta.eval()):
        lora, training = kata.LoRALinear(base, 2, 5.0), base.training
        for name in ("A", "B"):
            made, w = getattr(lora, name), base.weight
            told = f"made `{name}` of {made.dtype} on {made.device} for one of {w.dtype}"
            fits = (made.dtype, made.device) == (w.dtype, w.device)
            assert_holds(fits, f"{told} on {w.device}")
        parts = (("itself", lora), ("its layer", base), ("what it merges into", lora.merge()))
        for what, part in parts:
            told = f"has {what} {'in' if part.training else 'out of'} training; its layer was not"
            assert_holds(part.training == training, told)


def test_the_input_is_left_alone(kata):
    lora, x = adapted(kata, values(shapes(3, 4, 2)), 5.0), tensor(1, 2, 5, 3).transpose(0, 1)
    assert_leaves_alone(lora, x)
    assert_batches(lora, x)
    assert_keeps_type(lora.to, x)


def test_an_r_below_one_is_refused(kata):
    for r, dropout, word in ((0, 0.0, "r"), (-3, 0.0, "-3"), (2, 1.5, "1.5"), (2, -0.5, "-0.5")):
        base = nn.Linear(3, 4)
        with adapting.assert_refused(word):
            kata.LoRALinear(base, r, 5.0, dropout)
        assert_learn(base, ["weight", "bias"])


def test_injection_replaces_what_matches(kata):
    for match, right in MATCHES:
        model, asked = network(adapting.Derived), {}
        before = dict(model.named_modules())
        names = kata.inject_lora(
            model, 2, 5.0, lambda n, m, of=asked, match=match: of.update({n: m}) or match(n, m)
        )
        told = f"asked match about {sorted(asked)}, not each linear layer: q is of a class derived"
        assert_holds(sorted(asked) == sorted(MATCHES[0][1]), told, names)
        told = "gave match the name of another layer"
        assert_holds(all(m is before[n] for n, m in asked.items()), told, names)
        told = f"replaced {names}, though match chose {right}"
        assert_holds(sorted(names) == sorted(right), told, names)
        assert_equal(names, right)
        for name, part in before.items():
            at = f"{name}.base" if name in right else name
            there = dict(model.named_modules()).get(at) is part
            assert_holds(there, f"did not leave the old `{name}` at `{at}`", names)
    told = "gave the same A to two layers of one model"  # to q and head
    assert_holds(not torch.equal(model.q.A, model.head.A), told)


def test_injection_freezes_the_rest_and_keeps_the_output(kata):
    x = tensor(1, 6, 4)
    for match, right in MATCHES:
        model, before = network(), modes(network())
        names = kata.inject_lora(model, 2, 5.0, match, dropout=1.0)
        assert_close(model(x), network()(x))
        assert_learn(model, [f"{name}.{own}" for name in right for own in "AB"])
        assert_modes(model, before)
        for _ in range(2):
            adapting.step(model.eval(), x)
        for name, value in adapting.injected(network(), right, r=2).items():
            kept = name[-2:] in (".A", ".B") or torch.equal(model.state_dict()[name], value)
            assert_holds(kept, f"moved, in steps over all parameters, `{name}`", names)
        told = "forgot the dropout of 1 in training"
        assert_holds(torch.allclose(model.train()(x), network()(x)), told, names)


def test_what_was_learned_is_in_a_and_b(kata):
    for match, _ in MATCHES:
        model, fresh, x = network(), network(), tensor(1, 6, 4)
        kata.inject_lora(model, 2, 5.0, match)
        adapting.fill(model)
        names = kata.inject_lora(fresh, 2, 5.0, match)
        state = model.state_dict()
        fresh.load_state_dict({n: state[n] for n in state if n[-2:] in (".A", ".B")}, strict=False)
        told = "left a fresh copy, which was given A and B, with another output"
        assert_holds(torch.allclose(fresh(x), model(x)), told, names)


def test_a_refused_injection_changes_nothing(kata):
    every, twice = MATCHES[0][0], network()
    kata.inject_lora(twice, 2, 5.0, MATCHES[1][0])
    for model, r, match, dropout, word in (
        (twice, 2, every, 0.0, "model"),
        (network(), 2, lambda name, layer: False, 0.0, "match"),
        (nn.Linear(3, 4), 2, every, 0.0, "match"),
        (network(), 0, every, 0.0, "0"),
        (network(), 2, every, 1.5, "1.5"),
        (network(), 2, every, -0.5, "-0.5"),
    ):
        next(p for _, p in model.named_parameters()).requires_grad_(False)
        parts, learn = dict(model.named_modules()), adapting.learning(model)
        with adapting.assert_refused(word):
            kata.inject_lora(model, r, 5.0, match, dropout)
        assert_holds(dict(model.named_modules()) == parts, "refused, and has replaced layers")
        assert_learn(model, learn)


def test_merging_a_model_gives_it_its_layers_back(kata):
    x = tensor(1, 6, 4)
    for match, right in MATCHES:
        model, before = network(), modes(network())
        kata.inject_lora(model, 2, 5.0, match)
        adapting.fill(model)
        hand = adapting.merged_by_hand(network(), right, model.state_dict(), 2.5)
        assert_equal(kata.merge_lora(model), right)
        assert_equal(list(model.state_dict()), list(hand.state_dict()))
        assert_close(model(x), hand(x))
        kinds = {type(model.get_submodule(name)).__name__ for name in right}
        assert_holds(kinds == {"Linear"}, f"put back layers of the class {kinds}")
        owned = [n for n, _ in model.named_parameters() if n.rpartition(".")[0] in right]
        assert_learn(model, owned)
        assert_modes(model, before)
        assert_equal(kata.merge_lora(model), [])
        assert_equal(kata.inject_lora(model, 3, 1.0, match), right)
    assert_equal(kata.merge_lora(kata.LoRALinear(nn.Linear(3, 4), 2, 5.0)), [])


def test_a_layer_in_two_places_stays_one(kata):
    shared, x = nn.Linear(4, 4).double(), tensor(1, 6, 4)
    model, asked = nn.Sequential(shared, nn.Tanh(), nn.Sequential(shared, shared)), []
    names = kata.inject_lora(model, 2, 5.0, lambda name, layer: asked.append(name) or True)
    assert_equal([names, asked], [["0"], ["0"]])
    told = "did not put one new layer into all three places of a layer"
    assert_holds(model[0] is model[2][0] is model[2][1], told)
    adapting.fill(model)
    y = model(x).detach()
    assert_equal(kata.merge_lora(model), ["0"])
    assert_holds(model[0] is model[2][0] is model[2][1] is not shared, told)
    assert_close(model(x).detach(), y)
