"""spec/pretraining/gradient_accumulation.md, clause by clause."""

from copy import deepcopy
from weakref import WeakSet

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.models import averaging, bigram
from tests.tensor_laws import assert_gradient
from tests.tensors import ids, seeds, some, tensor

V, IGNORED = 5, -100
shapes = st.permutations([(2, 3), (1, 4), (3, 1), (1, 2)])
lengths = st.integers(1, 4)


def part(seed, B, T):
    """Make inputs and targets, all of which count."""
    return ids(seed, B, T, n=V), ids(seed + 1, B, T, n=V)


def surprise(row, target):
    return row.exp().sum().log() - row[target]


def squared(row, target):
    return (row[target] - 1) ** 2


def squares(logits, targets):
    """Give the mean of `squared` over the targets that count; nan if there is none."""
    chosen = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return ((chosen - 1) ** 2)[targets != IGNORED].mean()


def by_the_definition(model, batches, each=surprise):
    """Take the targets that count one by one, and leave the gradient of the mean of all."""
    terms = []
    for inputs, targets in batches:
        logits = model(inputs)
        for b, t in (targets != IGNORED).nonzero().tolist():
            terms.append(each(logits[b, t], int(targets[b, t])))
    mean = sum(terms) / len(terms)
    mean.backward()
    return mean.item()


def assert_mean(returned, right):
    """Assert that the result is a number, and the right one."""
    assert_holds(type(returned) is float, f"returned a {type(returned).__name__}, not a float")
    off = abs(returned - right)
    told = f"returned the loss {returned:.10g}, not {right:.10g}"
    assert_holds(off < 1e-9, told, returned)


def assert_same(model, right):
    """Assert that two models have the same gradients."""
    others = dict(right.named_parameters())
    for name, parameter in model.named_parameters():
        assert_holds(parameter.grad is not None, f"left no gradient in `{name}`")
        assert_gradient(None, f"`{name}`", parameter.grad, others[name].grad)


def assert_counts(kata, batches, others):
    """Assert that both give the same gradients and mean; the model looks at the last id only.

    Give what it was asked in either case.
    """
    model, right = bigram(V, 7), bigram(V, 7)
    expected = kata.gradient_accumulation(right, others)
    returned = kata.gradient_accumulation(model, batches)
    assert_same(model, right)
    assert_mean(returned, expected)
    return model.seen, right.seen


def layers(seed):
    """Make a table and a linear layer of torch."""
    model = nn.Sequential(nn.Embedding(V, 3), nn.Linear(3, V)).double()
    given = {name: tensor(seed, *p.shape) for name, p in model.named_parameters()}
    model.load_state_dict(given)
    return model


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, order=shapes, n=lengths)
@example(seed=0, order=[(2, 3), (1, 4), (3, 1), (1, 2)], n=3)
def test_it_agrees_with_the_definition(kata, seed, order, n):
    made = [part(seed + i, *shape) for i, shape in enumerate(order[:n])]
    batches = [(x, y.masked_fill(~some(seed, *y.shape), IGNORED)) for x, y in made]
    batches[0][1][0, 0] = 1
    model, right = averaging(V, seed), averaging(V, seed)
    expected = by_the_definition(right, batches)
    returned = kata.gradient_accumulation(model, iter(batches))
    assert_same(model, right)
    assert_mean(returned, expected)


@given(seed=seeds, order=shapes)
@example(seed=0, order=[(2, 3)])
def test_one_part_alone_is_like_backward(kata, seed, order):
    model, right = averaging(V, seed), averaging(V, seed)
    batches = [part(seed, *order[0])]
    expected = by_the_definition(right, batches)
    returned = kata.gradient_accumulation(model, batches)
    assert_same(model, right)
    assert_mean(returned, expected)


def test_one_part_alone_is_like_backward__for_a_parameter_in_two_places(kata):
    model = layers(0)
    model[1].weight = model[0].weight
    right, batches = deepcopy(model), [part(0, 2, 3)]
    by_the_definition(right, batches)
    kata.gradient_accumulation(model, batches)
    assert_same(model, right)


@given(seed=seeds, sizes=st.permutations([1, 4, 2]), n=lengths)
@example(seed=0, sizes=[1, 4, 2], n=3)
def test_a_cut_changes_nothing(kata, seed, sizes, n):
    inputs, targets = part(seed, 7, n)
    for axis, whole in enumerate([(inputs, targets), (inputs.T, targets.T)]):
        cut = list(zip(*(x.split(sizes, axis) for x in whole), strict=True))
        assert_counts(kata, cut, [whole])


@given(seed=seeds, order=shapes, n=lengths)
@example(seed=0, order=[(2, 3), (1, 4)], n=2)
def test_an_ignored_target_has_no_weight(kata, seed, order, n):
    (inputs, targets), other = part(seed, *order[0]), part(seed + 2, *order[1])
    more = ids(seed, len(inputs), n, n=V)
    padded = torch.cat([inputs, more], 1), torch.cat([targets, torch.full_like(more, IGNORED)], 1)
    assert_counts(kata, [padded, other], [(inputs, targets), other])


def test_a_part_without_targets_adds_nothing(kata):
    one, two, nothing = part(0, 2, 3), part(2, 1, 4), (ids(4, 0, 3, n=V), ids(5, 0, 3, n=V))
    blank = one[0], torch.full((2, 3), IGNORED)
    for batches in ([one, blank, two], [nothing, one, two, blank]):
        asked, right = assert_counts(kata, batches, [one, two])
        assert_holds(asked == right, "asked the model about a part that has no target")


def test_a_part_without_targets_adds_nothing__and_without_any_there_is_no_mean(kata):
    blank = ids(0, 2, 3, n=V), torch.full((2, 3), IGNORED)
    for batches in ([], [blank, blank]):
        with assert_raises(ValueError, "batches"):
            kata.gradient_accumulation(bigram(V, 0), batches)


def test_old_gradients_are_gone(kata):
    model, right = bigram(V, 0), bigram(V, 0)
    model.table.grad = torch.full_like(model.table, 100.0)
    by_the_definition(right, [part(0, 2, 3)])
    for _ in range(2):
        kata.gradient_accumulation(model, [part(0, 2, 3)])
        assert_same(model, right)


class Kept:
    """What a forward pass keeps for the backward pass."""

    def __init__(self, value):
        self.value = value
        kept.add(self)


kept: WeakSet[Kept] = WeakSet()


def test_one_part_at_a_time(kata):
    model, backward, found = bigram(V, 0), [], []

    def watch(_, __, logits):
        if logits.requires_grad:
            logits.register_hook(backward.append)
        with saved_tensors_hooks(Kept, lambda one: one.value):
            return logits.square()

    def reading():
        for i in range(3):
            found.append((len(backward), len(kept)))
            yield part(i, i + 1, 3)

    kept.clear()
    model.register_forward_hook(watch)
    kata.gradient_accumulation(model, reading())
    for i, (gone, alive) in enumerate(found):
        assert_holds(gone >= i, f"asked for part {i} before the backward pass of part {gone}")
        told = f"asked for part {i} with the graphs of {alive} before it still in memory"
        assert_holds(not alive, told)
    asked = len(model.seen)
    assert_holds(asked == 3, f"asked the model {asked} times about 3 parts")


@given(seed=seeds)
@example(seed=0)
@settings(max_examples=3)
def test_the_loss_is_the_one_asked_for(kata, seed):
    batches = [part(seed, 2, 3), (ids(0, 1, 2, n=V), torch.tensor([[1, IGNORED]]))]
    for options, each in (({"loss": squares}, squared), ({}, surprise)):
        model, right = bigram(V, seed), bigram(V, seed)
        expected = by_the_definition(right, batches, each)
        returned = kata.gradient_accumulation(model, batches, **options)
        assert_same(model, right)
        assert_mean(returned, expected)


def test_what_is_not_reached_has_no_gradient(kata):
    for old in (None, torch.ones(V, 3, dtype=torch.float64)):
        model = layers(0)
        model.unused = nn.Parameter(tensor(1, V, 3))
        model[0].weight.requires_grad_(False)
        model[0].weight.grad = model.unused.grad = old
        kata.gradient_accumulation(model, [part(0, 2, 3), part(2, 1, 4)])
        for parameter, what in ((model[0].weight, "a frozen"), (model.unused, "an unused")):
            told = f"left a gradient in {what} parameter"
            assert_holds(parameter.grad is None, told)


def test_only_the_gradients_change(kata):
    for training, dropping in ((True, True), (False, False), (True, False)):
        model = bigram(V, 0).train(training)
        model.drop.train(dropping)
        before = model.table.detach().clone()

        def call(x, y, more_x, more_y, model=model):
            return kata.gradient_accumulation(model, [(x, y), (more_x, more_y)])

        assert_leaves_alone(call, *part(0, 2, 3), *part(2, 1, 4))
        assert_equal(model.table.detach(), before)
        assert_holds(model.table.requires_grad, "made a parameter that asks for no gradient")
        modes = [mode for _, mode, _ in model.seen] + [model.training]
        told = f"ran or left a model of the mode {training} in the mode {not training}"
        assert_holds(all(mode == training for mode in modes), told)
        told = f"left a module of the mode {dropping} in the mode {not dropping}"
        assert_holds(model.drop.training == dropping, told)
