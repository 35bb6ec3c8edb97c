"""spec/gpt/load_gpt2.md, clause by clause."""

from copy import deepcopy

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from tests.differences import difference
from tests.gpt2_weights import (
    WithExtra,
    by_openai,
    model_of,
    ours,
    prefixed,
    theirs,
    with_masks,
)
from tests.laws import Violation, assert_examples, assert_holds, assert_raises

# d_model, vocab, context
sizes = st.permutations((3, 2, 4, 5, 1)).map(lambda order: tuple(order[:3]))
SOME = ((3, 5, 4), (2, 5, 3), (4, 3, 2))
layers = st.sampled_from([1, 2, 3])
few = settings(max_examples=4)


def assert_state(returned, right, verb="returned"):
    """Assert that these tensors have come out under these names; say which is where it should."""
    for name in right:
        assert_holds(name in returned, f"{verb} no `{name}`")
    for name in returned:
        assert_holds(name in right, f"{verb} `{name}`, which should not be there")
    for name, value in right.items():
        if found := difference(returned[name], value, rtol=0.0, atol=0.0):
            told = found[0].replace("returned", f"{verb} `{name}` with")
            other = [n for n, v in right.items() if n != name and torch.equal(returned[name], v)]
            told = f"{verb} `{name}` with the numbers of `{other[0]}`" if other else told
            raise Violation(returned, told, found[1])


def only(state, *parts):
    return {name: value for name, value in state.items() if any(p in name for p in parts)}


def changed(state, by):
    """Put other tensors in the place of some, and leave out where there is none."""
    return {name: value for name, value in (state | by).items() if value is not None}


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(sizes=sizes, n_layers=layers, own_head=st.booleans())
@few
@example(sizes=(3, 5, 4), n_layers=2, own_head=False)
@example(sizes=(3, 5, 1), n_layers=1, own_head=False)
def test_it_agrees_with_the_definition(kata, sizes, n_layers, own_head):
    state = ours(sizes, n_layers, own_head)
    assert_state(kata.from_gpt2(theirs(state, own_head)), state)
    assert_state(kata.to_gpt2(state), theirs(state, own_head))
    for load, source in ((kata.load_state, state), (kata.load_gpt2, theirs(state, own_head))):
        model = model_of(state, tied=not own_head)
        load(model, source)
        assert_state(model.state_dict(), state, "left the model")


def test_only_the_matrices_of_linear_layers_are_turned(kata):
    for sizes in SOME:
        state, parts = ours(sizes), (".o.", "mlp", "ln", "tok", "pos")
        assert_state(only(kata.from_gpt2(theirs(state)), *parts), only(state, *parts))


def test_queries_keys_and_values_stand_side_by_side(kata):
    for sizes in SOME:
        state = ours(sizes)
        found = kata.from_gpt2(theirs(state))
        for parts in (("attn.q.bias", "attn.k.bias", "attn.v.bias"), (".q.", ".k.", ".v.")):
            assert_state(only(found, *parts), only(state, *parts))


def test_a_block_keeps_its_number(kata):
    for n_layers in (1, 3, 11):
        state = ours((2, 3, 4), n_layers)
        assert_state(only(kata.from_gpt2(theirs(state)), "ln"), only(state, "ln"))
        assert_state(only(kata.to_gpt2(state), "ln"), only(theirs(state), "ln"))
        assert_state(only(kata.from_gpt2(by_openai(theirs(state))), "ln"), only(state, "ln"))


def test_without_a_head_in_the_file_the_table_is_the_head(kata):
    for own_head in (False, True):
        state = ours((3, 5, 4), own_head=own_head)
        found = kata.from_gpt2(theirs(state, own_head))
        assert_state(only(found, "head", "tok"), only(state, "head", "tok"))
        kata.load_gpt2(model := model_of(state, tied=False), theirs(state, own_head))
        assert_state(only(model.state_dict(), "head", "tok"), only(state, "head", "tok"), "left")
        told = "tied a model that had a head of its own"
        assert_holds(model.head.weight is not model.tok.weight, told)


@given(sizes=sizes, n_layers=layers)
@few
@example(sizes=(3, 5, 4), n_layers=2)
def test_the_same_weights_give_the_same_state(kata, sizes, n_layers):
    weights = theirs(ours(sizes, n_layers))
    right, masked = kata.from_gpt2(weights), with_masks(weights)
    for written in (prefixed(weights), by_openai(weights), masked, prefixed(masked)):
        assert_state(kata.from_gpt2(written), right)


def test_every_name_is_used_once(kata):
    weights = theirs(ours((3, 5, 4), n_layers=2))
    for missing in ("ln_f.bias", "wte.weight", "h.0.attn.c_attn.bias", "h.1.mlp.c_fc.weight"):
        fewer = changed(weights, {missing: None})
        for written in (fewer, prefixed(fewer)):
            with assert_raises(KeyError, mentions=missing):
                kata.from_gpt2(written)
    odd = "h.0.attn.c_attn.scale", "h.1.ln_3.weight", "wxe.weight", "lm_head.bias"
    for name in (*odd, "wte.attn.bias", "foo.attn.masked_bias", "ln_f.masked_bias"):
        with assert_raises(KeyError, mentions=name):
            kata.from_gpt2(weights | {name: torch.zeros(3)})
    gap = {name.replace("h.1.", "h.2."): value for name, value in weights.items()}
    for wrong in (gap, weights | {"h.99.attn.bias": torch.zeros(3)}):
        with assert_raises(KeyError, mentions="h."):
            kata.from_gpt2(wrong)
    with assert_raises(KeyError, mentions="ln_f.bias"):
        kata.from_gpt2(weights | {"transformer.ln_f.bias": torch.zeros(3)})


@given(sizes=sizes, n_layers=layers, own_head=st.booleans())
@few
@example(sizes=(3, 5, 4), n_layers=1, own_head=False)
@example(sizes=(3, 5, 4), n_layers=1, own_head=True)
def test_what_was_turned_turns_back(kata, sizes, n_layers, own_head):
    state = ours(sizes, n_layers, own_head)
    weights = theirs(state, own_head)
    assert_state(kata.to_gpt2(kata.from_gpt2(weights)), weights)
    assert_state(kata.from_gpt2(kata.to_gpt2(state)), state)


def test_what_was_turned_turns_back__if_gpt_2_has_a_place_for_it(kata):
    state = ours((3, 5, 4))
    with assert_raises(KeyError, mentions="blocks.0.attn.k.bias"):
        kata.to_gpt2(changed(state, {"blocks.0.attn.k.bias": None}))
    with assert_raises(KeyError, mentions="head.bias"):
        kata.to_gpt2(state | {"head.bias": torch.zeros(5)})
    gap = {name.replace("blocks.0.", "blocks.1."): value for name, value in state.items()}
    with assert_raises(KeyError, mentions="blocks."):
        kata.to_gpt2(gap)


def test_everything_is_loaded_or_nothing(kata):
    state = ours((3, 5, 4), n_layers=2)
    down, up = "blocks.1.mlp.down", "blocks.1.mlp.up"
    for load, source, wrong, error, name in (
        (kata.load_state, state, {"ln_f.bias": None}, KeyError, "ln_f.bias"),
        (kata.load_state, state, {"blocks.2.o": torch.ones(3)}, KeyError, "blocks.2.o"),
        (kata.load_state, state, {"ln_f.bias": torch.ones(4)}, ValueError, "ln_f.bias"),
        (kata.load_state, state, {f"{down}.bias": torch.ones(1)}, ValueError, f"{down}.bias"),
        (kata.load_state, state, {f"{up}.weight": torch.ones(3, 12)}, ValueError, f"{up}.weight"),
        (kata.load_gpt2, theirs(state), {"ln_f.bias": None}, KeyError, "ln_f.bias"),
        (kata.load_gpt2, theirs(state), {"h.1.ln_3": torch.ones(3)}, KeyError, "h.1.ln_3"),
        (kata.load_gpt2, theirs(state), {"wpe.weight": torch.ones(7, 3)}, ValueError, "pos.weight"),
    ):
        assert_refused(load, model_of(state), changed(source, wrong), error, name)
    without = model_of(changed(state, {"blocks.1.attn.v.bias": None}))
    assert_refused(kata.load_gpt2, without, theirs(state), KeyError, "blocks.1.attn.v.bias")


def test_everything_is_loaded_or_nothing__of_any_module(kata):
    for module in (nn.BatchNorm1d(3), WithExtra(nn.BatchNorm1d(3))):
        state = {n: [1] if n == "_extra_state" else v + 1 for n, v in module.state_dict().items()}
        kata.load_state(module, state)
        after = module.state_dict()
        told = "left the list of a module's extra state as it was"
        assert_holds(after.pop("_extra_state", [1]) == [1], told)
        assert_state(after, {n: v for n, v in state.items() if n in after}, "left a module with")


def assert_refused(load, model, source, error, name):
    """Assert that weights are refused, and that the model is then as it was."""
    before = deepcopy(model.state_dict())
    with assert_raises(error, mentions=name):
        load(model, source)
    for other, value in model.state_dict().items():
        told = f"refused `{name}`, and yet has changed `{other}` of the model"
        assert_holds(torch.equal(value, before[other]), told)


def test_a_tied_model_stays_tied(kata):
    state, other = ours((3, 5, 4)), ours((3, 5, 4), own_head=True)
    for load, source in ((kata.load_state, state), (kata.load_gpt2, theirs(state, own_head=True))):
        load(model := model_of(state), source)
        told = "left a tied model with a head whose weight is not the table of tokens"
        assert_holds(model.head.weight is model.tok.weight, told)
    for load, source in ((kata.load_state, other), (kata.load_gpt2, theirs(other, own_head=True))):
        assert_refused(load, model_of(other), source, ValueError, "head.weight")
    twice = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    twice[1].weight = twice[0].weight
    for first, last in ((1, 1), (0, 1)):
        state = {"0.weight": torch.full((3, 3), first), "1.weight": torch.full((3, 3), last)}
        if first == last:
            kata.load_state(twice, state)
        else:
            assert_refused(kata.load_state, twice, state, ValueError, ".weight")


def test_what_is_loaded_is_a_copy(kata):
    state = ours((3, 5, 4))
    for load, source in ((kata.load_state, state), (kata.load_gpt2, theirs(state))):
        model = model_of(state).float()
        parameters = dict(model.named_parameters())
        memory = {name: parameter.detach() for name, parameter in parameters.items()}
        load(model, source)
        for name, parameter in model.named_parameters():
            told = f"gave the model another parameter `{name}`, or another type than its float32"
            kept = parameter is parameters[name] and parameter.dtype == torch.float32
            assert_holds(kept, told)
            told = f"gave the parameter `{name}` another memory, and left the old one as it was"
            assert_holds(torch.equal(memory[name], parameter), told)
    half = {name: value.bfloat16() for name, value in state.items()}
    assert_state(kata.from_gpt2(theirs(half)), half)
    assert_state(kata.to_gpt2(half), theirs(half))


def test_what_is_loaded_is_a_copy__that_shares_no_memory(kata):
    state, model = ours((3, 5, 4)), model_of(ours((3, 5, 4)))
    for call, source in (
        (kata.from_gpt2, theirs(state)),
        (kata.from_gpt2, by_openai(theirs(state))),
        (kata.to_gpt2, state),
        (lambda source: kata.load_state(model, source), state),
        (lambda source: kata.load_gpt2(model, source), theirs(state)),
    ):
        before = deepcopy(source)
        given = call(source)
        made = list((given or model.state_dict()).values())
        for number, value in enumerate(made):
            value.detach().fill_(-1.0 - number)
        apart = not given or all(bool((v == -1.0 - i).all()) for i, v in enumerate(made))
        assert_holds(apart, "returned tensors that share memory with one another")
        assert_holds(list(source) == list(before), "changed the names in its argument")
        for name, value in source.items():
            told = f"shares memory: `{name}` changes as soon as the result is written to"
            assert_holds(bool((value == before[name]).all()), told)
