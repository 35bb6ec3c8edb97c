"""spec/pretraining/training_loop.md, clause by clause."""

from math import log, nan

import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from tests.descent import Loader, V, batch, one_table, two_groups
from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises
from tests.tensors import chance, distinct, seeds, tensor


def train(kata, model, loader, optimizer, steps, **options):
    return kata.training_loop(model, loader, optimizer, lambda step: 0.5, steps, **options)


def by_the_definition(model, batches):
    """Work out the mean loss over all targets of all batches at once, and its gradient."""
    inputs, targets = (torch.cat([pair[i].flatten() for pair in batches]) for i in (0, 1))
    loss = F.cross_entropy(model(inputs), targets)
    return loss.item(), parameters_to_vector(torch.autograd.grad(loss, list(model.parameters())))


def assert_found(optimizer, right, tolerance=1e-9):
    """Assert that the optimiser, at its last step, found this gradient."""
    assert_holds(bool(optimizer.gradients), "never let the optimizer step")
    found = optimizer.gradients[-1]
    assert_holds(bool(found.any()), "let the optimizer step with no gradient, or one of zeros")
    off, right = (found - right).norm().item(), f"the right one, of length {right.norm():.4g}"
    told = f"let the optimizer step with a gradient of length {found.norm():.4g}, which is"
    assert_holds(off <= tolerance, f"{told} {off:.3g} away from {right}")


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, sizes=distinct(2), steps=st.integers(1, 4))
@example(seed=0, sizes=(2, 3), steps=3)
def test_it_agrees_with_the_definition(kata, seed, sizes, steps):
    loader = [batch(seed, *sizes), batch(seed + 2, *sizes)]
    (model, optimizer), (twin, _) = two_groups(seed), two_groups(seed)
    train(kata, model, loader, optimizer, steps, max_norm=0.3)
    for step in range(steps):
        _, gradient = by_the_definition(twin, [loader[step % 2]])
        factor = 0.5 * min(1, 0.3 / gradient.norm().item())
        moved = parameters_to_vector(twin.parameters()) - factor * gradient
        vector_to_parameters(moved.detach(), twin.parameters())
    there, right = (parameters_to_vector(m.parameters()) for m in (model, twin))
    told = f"moved a parameter to a place {(there - right).abs().max().item():.3g} away"
    close = torch.allclose(there, right, atol=1e-4)  # some add 1e-6 to the length they divide by
    assert_holds(close, f"{told} from where the definition has it")


def test_gradients_begin_anew(kata):
    (model, optimizer), (twin, alone) = two_groups(0, lr=0.0), two_groups(0)
    for i, p in enumerate(model.parameters()):
        p.grad = tensor(i, *p.shape)
    kata.train_step(twin, [batch(0)], alone)
    for which in ("that lay there", "of the step before"):
        kata.train_step(model, [batch(0)], optimizer)
        off = (optimizer.gradients[-1] - alone.gradients[0]).norm().item()
        told = f"let the gradient {which} count as well: the sum is {off:.3g} away"
        assert_holds(off < 1e-9, told)


def test_gradients_begin_anew__where_there_is_none(kata):
    model, _ = one_table(0)
    for name, asks in (("unused", True), ("frozen", False)):
        model.register_parameter(name, nn.Parameter(torch.ones(2).double(), requires_grad=asks))
        getattr(model, name).grad = torch.ones(2).double()
    kata.train_step(model, [batch(0)], torch.optim.AdamW(model.parameters()))
    for name, value in (("unused", model.unused), ("frozen", model.frozen)):
        told = f"left a gradient, if only zeros, in a parameter that is {name}: AdamW moved it"
        assert_holds(bool((value == 1).all()), told)


@given(seed=seeds, lengths=distinct(3))
@example(seed=0, lengths=(4, 1, 3))
def test_one_step_follows_the_mean_over_all_targets(kata, seed, lengths):
    batches = [batch(seed + i, 2, T + 1) for i, T in enumerate(lengths)]
    batches[0][1][0, 0] = -100
    batches.insert(1, (batches[1][0], torch.full_like(batches[1][1], -100)))

    def threefold(logits, targets):
        return 3 * F.cross_entropy(logits.flatten(0, -2), targets.flatten())

    for times, options in ((1, {}), (3, {"loss": threefold})):
        model, optimizer = two_groups(seed)
        _, right = by_the_definition(model, batches)
        kata.train_step(model, iter(batches), optimizer, **options)
        made = len(optimizer.gradients)
        assert_holds(made == 1, f"let the optimizer step {made} times for {len(batches)} batches")
        assert_found(optimizer, times * right)


def test_the_rate_is_set_before_the_step(kata):
    for lr, right in ((0.25, [0.25, 0.25]), (None, [0.5, 0.75])):
        model, optimizer = two_groups(0)
        optimizer.param_groups[1]["lr"] = 0.75
        record = kata.train_step(model, [batch(0)], optimizer, lr=lr)
        told = f"let the optimizer step at the rates {optimizer.rates[-1]}, where lr is {lr}"
        assert_holds(optimizer.rates[-1] == right, told)
        assert_equal(record["lr"], right[0])


def test_gradients_are_clipped_before_the_step(kata):
    model, optimizer = two_groups(0, lr=0.0)
    batches = [batch(0), batch(5, 2, 4)]
    _, whole = by_the_definition(model, batches)
    for max_norm in (0.125, 100.0):
        kata.train_step(model, batches, optimizer, max_norm=max_norm)
        factor = min(1.0, max_norm / whole.norm().item())
        assert_found(optimizer, whole * factor, 1e-5)  # some add 1e-6 to the length


def test_the_model_is_in_training_mode(kata):
    model, optimizer = one_table(0)
    kata.train_step(model.eval(), [batch(0)], optimizer)
    assert_holds(model.seen[-1][1], "ran the model in the mode in which it came, evaluation")
    train(kata, model, [batch(0)], optimizer, 2, eval_every=1, eval_fn=lambda m: len(str(m.eval())))
    told = "ran the model in the mode in which eval_fn had left it, evaluation"
    assert_holds(model.seen[-1][1], told)
    model, optimizer = one_table(0, dropout=1.0)
    model.drop.eval()
    loss = kata.train_step(model, [batch(0)], optimizer)["loss"]
    told = "left a part in evaluation mode, a dropout of all entries, though the model was not"
    assert_holds(abs(loss - log(5)) < 1e-9, told)


def test_what_is_not_finite_stops_the_step(kata):
    def steep(logits, targets):
        return (logits - logits.detach()).sum().sqrt()  # a root at 0 has an infinite slope

    good, bad = (torch.tensor([[i, i]]) for i in (0, 1))
    for options in ({}, {"max_norm": 1.0}, {"loss": steep}, {"loss": steep, "max_norm": 1.0}):
        model, optimizer = one_table(0)
        before = model.table.detach().clone()
        if "loss" not in options:
            model.table.data[1] = before[1] = nan
        with assert_raises(FloatingPointError):
            kata.train_step(model, [(good, good), (bad, good)], optimizer, **options)
        same = torch.equal(model.table.nan_to_num(), before.nan_to_num())
        assert_holds(same and not optimizer.rates, "let the optimizer step before it raised")
    model, optimizer = one_table(0)
    with assert_raises(ValueError, mentions="batches"):
        kata.train_step(model, [(good, good - 100)], optimizer)
    assert_holds(not optimizer.rates, "let the optimizer step where no target counts")


def test_it_tells_what_the_step_was(kata):
    for max_norm in (0.125, None):
        model, optimizer = two_groups(0)
        value, gradient = by_the_definition(model, [batch(0)])
        norm = gradient.norm().item()
        record = kata.train_step(model, [batch(0)], optimizer, lr=2.0, max_norm=max_norm)
        assert_equal(sorted(record), ["grad_norm", "loss", "lr"])
        for name, right in (("loss", value), ("grad_norm", norm), ("lr", 2.0)):
            told = f"put a {type(record[name]).__name__} into `{name}`, not a plain float"
            assert_holds(isinstance(record[name], float), told)
            told = f"told a `{name}` of {record[name]:.6g}, not {right:.6g}"
            assert_holds(abs(record[name] - right) < 1e-9, told)


def test_a_batch_is_learned_by_heart(kata):
    model, optimizer = one_table(0, lr=5.0)
    model.table.data.zero_()
    inputs, targets = torch.tensor([[[0, 3, 1], [4, 2, 0]], [[3, 1, 4], [2, 0, 3]]])
    for step in range(40):
        loss = kata.train_step(model, [(inputs, targets)], optimizer)["loss"]
        told = f"began with a loss of {loss:.4f}; that of equal scores is ln 5 = {log(5):.4f}"
        assert_holds(step > 0 or abs(loss - log(5)) < 1e-9, told)
    right = int((model.table[inputs].argmax(-1) == targets).sum())
    told = f"has taught the model {right} of the 6 targets of its only batch in 40 steps"
    assert_holds(right == 6 and loss < 0.2, f"{told}, with a loss of {loss:.4f}")


def test_the_loader_begins_anew_when_it_is_exhausted(kata):
    for size, steps in ((2, 5), (3, 3), (4, 2), (2, 0)):
        model, optimizer = one_table(0)
        loader = Loader(size, model)
        records = train(kata, model, loader, optimizer, steps)
        assert_equal([record["step"] for record in records], list(range(steps)))
        lengths, right = [shape[-1] for shape, _, _ in model.seen], list(range(1, steps + 1))
        told = f"trained on windows of {lengths} ids; the passes of the loader give {right}"
        assert_holds(lengths == right, told)
        told = f"took {loader.given} batches out of the loader for {steps} steps"
        assert_holds(loader.given == steps, told)
        told = "took a batch out of the loader before the step with the one before it was made"
        assert_holds(loader.asked == list(range(steps)), told)


def test_an_empty_loader_is_refused(kata):
    for loader in ([], Loader(0), iter([batch(0)])):
        model, optimizer = one_table(0)
        with assert_raises(ValueError, mentions="loader"):
            train(kata, model, loader, optimizer, 3)


def test_the_schedule_gives_the_rate_of_each_step(kata):
    model, optimizer = two_groups(0)
    rates = [0.0, 0.125, 0.25, 0.5, 0.375]
    records = kata.training_loop(model, [batch(0)], optimizer, lambda step: rates[step], 5)
    found = [group[0] for group in optimizer.rates]
    assert_holds(found == rates, f"stepped at the rates {found}; the schedule gives {rates}")
    assert_equal([record["lr"] for record in records], rates)


def test_it_is_evaluated_after_every_so_many_steps(kata):
    same = torch.tensor([[0]])
    for every, steps, at in ((3, 8, [2, 5, 7]), (3, 6, [2, 5]), (9, 2, [1]), (None, 4, [])):
        model, optimizer = one_table(0)
        asked = []

        def look(m, asked=asked):
            asked.append(m)
            return m.table[0, 0].item()

        options = {"eval_every": every, "eval_fn": look}
        records = train(kata, model, [(same, same)], optimizer, steps, **options)
        found = [record["step"] for record in records if "eval" in record]
        told = f"evaluated in the steps {found}, not {at}, with eval_every={every}"
        assert_holds(found == at, told)
        told = f"called eval_fn {len(asked)} times for {len(at)} evaluations"
        assert_holds(len(asked) == len(at), told)
        told = "gave eval_fn another object than the model that is trained"
        assert_holds(all(m is model for m in asked), told)
        after = not at or records[-1]["eval"] == model.table[0, 0].item()
        assert_holds(after, "evaluated the model as it was before the step")


def trained(kata, place, **options):
    """Train a model with dropout from a place of torch's own generator; tell the losses."""
    model, optimizer = one_table(0, dropout=0.5)
    with chance(place):
        records = train(kata, model, [batch(0), batch(1)], optimizer, 6, **options)
    return [record["loss"] for record in records]


def test_an_evaluation_makes_no_difference(kata):
    def look(model):
        model.eval()
        model.table.grad = torch.ones(V, V).double()
        return torch.rand(3).sum().item()

    losses, looked = trained(kata, 0), trained(kata, 0, eval_every=2, eval_fn=look)
    off = [abs(loss - other) > 1e-9 for loss, other in zip(losses, looked, strict=True)]
    told = f"had another loss than without an evaluation in {sum(off)} of {len(off)} steps"
    assert_holds(not any(off), told)


def test_all_randomness_is_that_of_the_caller(kata):
    losses, again, other = (trained(kata, place) for place in (1, 1, 2))
    told = "gave two trainings that differ, from the same place of torch's own generator"
    assert_holds(losses == again, told)
    told = "dropped the same entries from another place of torch's own generator"
    assert_holds(losses != other, told)
