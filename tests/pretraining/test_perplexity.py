"""spec/pretraining/perplexity.md, clause by clause."""

from math import exp, inf, log

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.models import Bigram, averaging, bigram, counting
from tests.modes import assert_modes, assert_recording_kept, modes
from tests.tensors import distinct, ids, seeds, sizes, some, tensor

V = 4


def batch(seed, *shape, n=V):
    """Make inputs and targets."""
    return ids(seed, *shape, n=n), ids(seed + 1, *shape, n=n)


def ignored(inputs, targets, seed=0):
    """Mark some targets as not to be counted, but not the first."""
    targets = targets.masked_fill(~some(seed, *targets.shape), -100)
    targets[0, 0] = 1
    return inputs, targets


def by_the_definition(model, batches):
    """Look at every target by itself, and at the ids up to there."""
    costs = []
    for inputs, targets in batches:
        for row, wanted in zip(inputs, targets, strict=True):
            for i, target in enumerate(wanted.tolist()):
                if target != -100:
                    scores = model.table.detach()[row[: i + 1]].mean(0).tolist()
                    total = sum(exp(score) for score in scores)
                    costs.append(log(total) - scores[target])
    return sum(costs) / len(costs)


def priced():
    """Make a model for which the target 0 costs 1 after the id 0, and 3 after the id 1."""
    table = [[0.0, log(exp(1) - 1)], [0.0, log(exp(3) - 1)]]
    return Bigram(torch.tensor(table, dtype=torch.float64))


def assert_near(returned, expected):
    """Assert that a number is a float, and the right one up to rounding."""
    __tracebackhide__ = True
    kind = type(returned).__name__
    assert_holds(isinstance(returned, float), f"returned a {kind}, not a float", returned)
    told = f"returned {returned:.9g}, not {expected:.9g}"
    close = returned == expected or abs(returned - expected) <= 1e-9 * max(abs(expected), 1)
    assert_holds(close, told, returned)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, shapes=st.lists(distinct(2), min_size=1, max_size=3))
@example(seed=0, shapes=[(2, 3), (3, 5), (1, 4)])
def test_it_agrees_with_the_definition(kata, seed, shapes):
    model = averaging(V, seed, dropout=0.5)
    made = [ignored(*batch(seed + i, *shape), seed + i) for i, shape in enumerate(shapes)]
    right = by_the_definition(model, made)
    assert_near(kata.evaluate(model, made), right)


@given(seed=seeds, T=sizes, cuts=distinct(3))
@example(seed=0, T=3, cuts=(2, 1, 5))
def test_every_target_weighs_the_same(kata, seed, T, cuts):
    inputs, targets = batch(seed, sum(cuts), T)
    whole = kata.evaluate(bigram(V, seed), [(inputs, targets)])
    dealt = list(zip(inputs.split(cuts), targets.split(cuts), strict=True))
    assert_near(kata.evaluate(bigram(V, seed), dealt), whole)


def test_every_target_weighs_the_same__in_rows_of_any_length(kata):
    easy, hard = torch.zeros(1, 2, dtype=torch.int64), torch.ones(2, 4, dtype=torch.int64)
    dealt = [(ones, torch.zeros_like(ones)) for ones in (easy, hard)]
    assert_near(kata.evaluate(priced(), dealt), 2.6)
    assert_near(kata.evaluate(priced(), [dealt[1], dealt[0], dealt[0]]), (4 * 1 + 8 * 3) / 12)
    loss = kata.evaluate(bigram(V, 0).bfloat16(), [dealt[0]] * 300)
    one = kata.evaluate(bigram(V, 0).bfloat16(), [dealt[0]])
    told = f"returned {loss:.4g} for 300 batches in bfloat16, each of which alone gives {one:.4g}"
    assert_holds(abs(loss / one - 1) < 0.01, told, loss)  # a cost may be rounded, their sum not


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 5))
def test_an_ignored_target_does_not_count(kata, seed, shape):
    inputs, targets = ignored(*batch(seed, *shape), seed)
    counted = targets != -100
    alone = kata.evaluate(bigram(V, seed), [(inputs[counted][None], targets[counted][None])])
    assert_near(kata.evaluate(bigram(V, seed), [(inputs, targets)]), alone)
    other = batch(seed + 5, 2, 3)
    both = kata.evaluate(bigram(V, seed), [other, (inputs[counted][None], targets[counted][None])])
    assert_near(kata.evaluate(bigram(V, seed), [other, (inputs, targets)]), both)


def test_an_ignored_target_does_not_count__nor_does_a_batch_of_them(kata):
    some_batch, nothing = batch(0, 2, 3), (ids(0, 3, 4, n=V), torch.full((3, 4), -100))
    alone = kata.evaluate(bigram(V, 0), [some_batch])
    assert_near(kata.evaluate(bigram(V, 0), [nothing, some_batch, nothing]), alone)


def test_the_model_is_asked_in_evaluation_mode(kata):
    model, batches = bigram(V, 0, dropout=0.5), [batch(0, 2, 3), batch(1, 1, 3)]
    loss = kata.evaluate(model, batches)
    told = "asked the model in training mode"
    assert_holds(not any(training for _, training, _ in model.seen), told, loss)
    assert_near(loss, kata.evaluate(bigram(V, 0), batches))


def test_the_model_is_asked_in_evaluation_mode__and_so_are_its_parts(kata):
    model, batches = bigram(V, 0, dropout=0.5).eval(), [batch(0, 2, 3)]
    model.drop.train()
    assert_near(kata.evaluate(model, batches), kata.evaluate(bigram(V, 0), batches))


def test_no_gradient_is_recorded(kata):
    model = bigram(V, 0)
    loss = kata.evaluate(model, [batch(0, 2, 3), batch(1, 1, 3)])
    told = "called the model while gradients were recorded"
    assert_holds(not any(recorded for _, _, recorded in model.seen), told, loss)


def test_no_gradient_is_recorded__and_then_it_is_as_before(kata):
    inputs, targets = batch(0, 2, 3)

    def refused():
        with assert_raises(IndexError):
            kata.evaluate(bigram(V, 0), [(inputs + V, targets)])  # it has no ids from V on

    assert_recording_kept(lambda: kata.evaluate(bigram(V, 0), [(inputs, targets)]))
    assert_recording_kept(refused)


def test_all_is_left_as_it_was(kata):
    for whole, part in ((True, True), (True, False), (False, True), (False, False)):
        for inputs in (ids(0, 2, 3, n=V), ids(0, 2, 3, n=V) + V):
            model = bigram(V, 0, dropout=0.5).train(whole)
            model.drop.train(part)
            before = modes(model)
            if int(inputs.max()) < V:
                kata.evaluate(model, [(inputs, inputs)])
            else:
                with assert_raises(IndexError):
                    kata.evaluate(model, [(inputs, inputs)])
            assert_modes(model, before)


def test_all_is_left_as_it_was__the_parameters_too(kata):
    model, (inputs, targets) = bigram(V, 0), ignored(*batch(0, 2, 3))
    model.table.grad = tensor(1, V, V)
    table, gradient = model.table.detach().clone(), tensor(1, V, V)
    assert_leaves_alone(lambda x, t: kata.evaluate(model, [(x, t)]), inputs, targets)
    told = "changed the parameters"
    assert_holds(torch.equal(model.table, table), told)
    kept = model.table.grad is not None and torch.equal(model.table.grad, gradient)
    assert_holds(kept, "changed the gradients that the parameters had")
    for asks in (True, False):
        kata.evaluate(model.requires_grad_(asks), [(inputs, targets)])
        told = f"left a parameter with requires_grad={not asks}, which was {asks}"
        assert_holds(model.table.requires_grad == asks, told)


def test_the_batches_are_read_once(kata):
    made, model, asked = [batch(i, 2, 3) for i in range(4)], bigram(V, 0), []

    def stream():
        for inputs, targets in made:
            asked.append(len(model.seen))
            yield [inputs, targets]

    loss = kata.evaluate(model, stream())
    assert_near(loss, kata.evaluate(bigram(V, 0), made))
    told = "asked for a batch before the one before it had been used"
    assert_holds(asked == [0, 1, 2, 3], told, loss)


def test_without_a_target_there_is_no_loss(kata):
    nothing = (ids(0, 2, 3, n=V), torch.full((2, 3), -100))
    for batches in ([], iter([]), [nothing], [nothing, nothing]):
        with assert_raises(ValueError, "batches"):
            kata.evaluate(bigram(V, 0), batches)


@given(loss=st.floats(0, 300), more=st.floats(0, 300))
@example(loss=2.6, more=1.0)
def test_perplexity_is_the_exponential_of_a_loss(kata, loss, more):
    returned = kata.perplexity(loss)
    assert_near(kata.perplexity(loss + more), returned * kata.perplexity(more))
    assert_near(kata.perplexity(loss), exp(loss))


def test_what_is_too_large_is_infinite(kata):
    for loss in (710.0, 1e4, inf):
        assert_equal(kata.perplexity(loss), inf)
    for loss in (709.0, 709.78):
        assert_near(kata.perplexity(loss), exp(loss))


@given(seed=seeds, n=sizes)
@example(seed=0, n=3)
def test_equal_scores_have_the_perplexity_v(kata, seed, n):
    made = [batch(seed, 2, 3, n=n), batch(seed + 9, 1, 5, n=n)]
    loss = kata.evaluate(Bigram(torch.full((n, n), 2.5).double()), made)
    assert_near(loss, log(n))
    assert_near(kata.perplexity(loss), float(n))
    inputs = ids(seed, 2, 3, n=n)
    sure = kata.evaluate(counting(n), [(inputs, (inputs + 1) % n)])
    assert_near(kata.perplexity(sure), 1.0)
