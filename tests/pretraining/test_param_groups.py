"""spec/pretraining/param_groups.md, clause by clause."""

from itertools import pairwise

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from tests.laws import assert_equal, assert_examples, assert_holds

SHAPES = [(), (3,), (1,), (2, 3), (4, 1), (1, 1), (2, 1, 3), (0, 2)]
DECAYS, STAYS = "the group that decays", "the group that does not decay"


def model_of(**shapes):
    """Make a model with parameters of these names and shapes."""
    model = nn.Module()
    for name, shape in shapes.items():
        model.register_parameter(name, nn.Parameter(torch.zeros(shape)))
    return model


def network():
    """Make one of torch's layers: tables, matrices, a kernel of three axes, and vectors."""
    table, norm, kernel = nn.Embedding(5, 4), nn.LayerNorm(4), nn.Conv1d(4, 3, 2)
    return nn.Sequential(table, norm, nn.Linear(4, 3), kernel, nn.RMSNorm(3))


def names(model, group):
    """Name the parameters of a group, in its order."""
    known = {id(p): f"`{name}`" for name, p in model.named_parameters()}
    return [known.get(id(p), "what is no parameter of the model") for p in group["params"]]


def assert_in(model, groups, i, name):
    """Assert that a parameter is in one group, and not in the other."""
    shape = tuple(model.get_parameter(name).shape)
    right, wrong = (DECAYS, STAYS) if i == 0 else (STAYS, DECAYS)
    told = f"put `{name}`, of shape {shape}, into {wrong}"
    assert_holds(f"`{name}`" not in names(model, groups[1 - i]), told)
    told = f"left `{name}`, of shape {shape}, out of {right}"
    assert_holds(f"`{name}`" in names(model, groups[i]), told)


def by_the_definition(model):
    """Ask the parameters one by one."""
    seen, parted = [], ([], [])
    for name, p in model.named_parameters(remove_duplicate=False):
        if not any(p is other for other in seen):
            seen.append(p)
            if p.requires_grad:
                parted[0 if len(p.shape) > 1 else 1].append(f"`{name}`")
    return list(parted)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(
    drawn=st.lists(st.tuples(st.sampled_from(SHAPES), st.booleans()), max_size=6),
    again=st.sampled_from([0, 2, 6]),
)
@example(drawn=[((3,), True), ((2, 3), True), ((2, 1, 3), True), ((4, 1), False)], again=2)
def test_it_agrees_with_the_definition(kata, drawn, again):
    made = [nn.Parameter(torch.zeros(shape), requires_grad=learns) for shape, learns in drawn]
    model = nn.ParameterList(made + made[:again])
    groups = kata.param_groups(model, 0.1)
    assert_equal([names(model, group) for group in groups], by_the_definition(model))
    decays = [group["weight_decay"] for group in groups]
    assert_holds(decays == [0.1, 0], f"gave the groups the decays {decays}", groups)


def test_matrices_and_tables_decay(kata):
    model = network()
    groups = kata.param_groups(model, 0.1)
    for name in ("0.weight", "2.weight", "3.weight"):
        assert_in(model, groups, 0, name)


def test_matrices_and_tables_decay__whatever_their_names(kata):
    shapes = {"bias": (2, 3), "ln_weight": (3, 1), "norm": (1, 1), "pos_emb": (4, 2, 1)}
    model = model_of(**shapes)
    groups = kata.param_groups(model, 0.1)
    for name in shapes:
        assert_in(model, groups, 0, name)


def test_biases_and_norms_do_not_decay(kata):
    model = network()
    groups = kata.param_groups(model, 0.1)
    for name in ("1.weight", "1.bias", "2.bias", "3.bias", "4.weight"):
        assert_in(model, groups, 1, name)


def test_biases_and_norms_do_not_decay__whatever_their_names(kata):
    shapes = {"weight": (3,), "w_q": (4,), "temperature": (), "table": (1,)}
    model = model_of(**shapes)
    groups = kata.param_groups(model, 0.1)
    for name in shapes:
        assert_in(model, groups, 1, name)


def test_what_is_frozen_is_in_no_group(kata):
    model = network()
    frozen = ("0.weight", "1.weight", "2.bias")
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    for group in kata.param_groups(model, 0.1):
        found = [name for name in frozen if f"`{name}`" in names(model, group)]
        told = f"put {', '.join(f'`{name}`' for name in found)} into a group, though frozen"
        assert_holds(not found, told)


def test_a_parameter_in_two_places_stands_there_once(kata):
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.Linear(4, 5), nn.LayerNorm(5))
    model[2].weight, model[3].bias = model[0].weight, model[2].bias
    groups = kata.param_groups(model, 0.1)
    for group, name in zip(groups, ("`0.weight`", "`2.bias`"), strict=True):
        found = names(model, group).count(name)
        told = f"put {name}, which the model has in two places, {found} times into a group"
        assert_holds(found == 1, told)


def test_each_parameter_has_its_place(kata):
    model = model_of(z=(2, 3), b=(4,), y=(3, 3, 1), a=(1,), x=(9, 9), c=())
    first, second = kata.param_groups(model, 0.1)
    assert_equal(names(model, first), ["`z`", "`y`", "`x`"])
    assert_equal(names(model, second), ["`b`", "`a`", "`c`"])


def test_there_are_always_two_groups(kata):
    for shapes in ({}, {"a": (2, 3)}, {"a": (2,)}, {"a": (2,), "b": (2, 3)}):
        groups = kata.param_groups(model_of(**shapes), 0.1)
        told = f"returned {len(groups)} groups for the shapes {list(shapes.values())}"
        assert_holds(len(groups) == 2, told, groups)
        for i, group in enumerate(groups):
            kind = type(group["params"]).__name__
            told = f"returned a {kind} as the parameters of group {i}, not a list"
            assert_holds(kind == "list", told, groups)


def test_each_group_names_its_own_decay(kata):
    for decay in (0.1, 0.5, 0.0):
        groups = kata.param_groups(model_of(a=(2, 3), b=(4,)), decay)
        for i, group in enumerate(groups):
            found = {"weight_decay": "the optimiser's default", **group}["weight_decay"]
            right = (decay, 0)[i]
            told = f"gave group {i} {found} as its decay, not {right}"
            assert_holds(found == right, told, groups)


@given(sizes=st.permutations([2, 3, 5, 7]))
def test_a_step_takes_all_tokens_of_all_processes(kata, sizes):
    batch_size, context, accumulation, processes = sizes
    assert_equal(kata.tokens_per_step(*sizes), 210)
    assert_equal(kata.tokens_per_step(batch_size, context), batch_size * context)
    alone = kata.tokens_per_step(batch_size, context, accumulation=accumulation)
    assert_equal(alone, 210 // processes)
    at_once = kata.tokens_per_step(batch_size, context, processes=processes)
    assert_equal(at_once, 210 // accumulation)


def product(m, n, p):
    """Count what the product of (m, n) with (n, p) costs, entry by entry."""
    return sum(2 * n for _ in range(m) for _ in range(p))


@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=4), n=st.integers(0, 6))
@example(sizes=[3, 4, 2], n=5)
def test_a_weight_costs_six_for_each_token(kata, sizes, n):
    matrices = list(pairwise(sizes))  # each takes n vectors of one size to the next
    forward = sum(product(n, i, o) for i, o in matrices)
    backward = sum(product(n, o, i) + product(o, n, i) for i, o in matrices)
    weights = sum(i * o for i, o in matrices)
    assert_equal(kata.training_flops(weights, n), forward + backward)


def test_a_weight_costs_six_for_each_token__exactly(kata):
    many = 10**12 + 1
    assert_equal(kata.training_flops(many, many), 6 * 10**24 + 12 * 10**12 + 6)
