"""spec/gpt/generate.md, clause by clause."""

from functools import partial

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.models import averaging, bigram, counting
from tests.modes import assert_modes, assert_recording_kept, frozen, modes
from tests.tensors import ids, seeds, sizes, tensor

V = 7
steps = st.integers(0, 6)
lengths = st.integers(1, 6)


def best(scores):
    """Find the place of the highest score, the first of equal ones."""
    scores = scores.tolist()
    return scores.index(max(scores))


def after(model, read):
    """Find what an averaging model scores highest after these ids, read alone."""
    table = model.table.detach()
    return best(sum(table[i] for i in read) / len(read))


def by_the_definition(model, row, max_new_tokens, context, eos=None):
    """Write one row on: a list, without a batch and without padding."""
    row = list(row)
    for _ in range(max_new_tokens):
        row.append(after(model, row[max(len(row) - context, 0) :]))
        if row[-1] == eos:
            break
    return row


def together(rows, eos):
    """Fill lists up with eos to the longest of them, and make them a tensor."""
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [eos] * (longest - len(row)) for row in rows])


def failing(kind):
    """Make a pick, or the body of a with statement, that raises such an exception."""

    def fail(*_):
        raise kind("nothing fits")

    return fail


def within(manager, body):
    """Run a body in a with statement, and return what it finds."""

    def statement(context):
        with context:
            return body()

    return manager.run("with evaluating(model)", statement, manager)


@given(seed=seeds, B=sizes, T=lengths, n=steps)
@example(seed=0, B=2, T=1, n=2)
def test_the_ids_come_first_and_the_new_ones_after_them(kata, seed, B, T, n):
    prompt = ids(seed, B, T, n=V)
    written = kata.generate(bigram(V, seed), prompt, n, 3)
    told = f"returned shape {tuple(written.shape)}: {n} new ids after {T} make {(B, T + n)}"
    assert_holds(tuple(written.shape) == (B, T + n), told, written)
    assert_equal(written[:, :T], prompt)


def test_the_ids_come_first_and_the_new_ones_after_them__which_stay_as_they_are(kata):
    assert_leaves_alone(partial(kata.generate, bigram(V, 0)), ids(0, 2, 4, n=V), 3, 2, eos=1)
    assert_leaves_alone(kata.greedy, tensor(0, 2, V))
    on_meta = partial(kata.generate, bigram(V, 0).to("meta"))
    for eos in (None, 1):
        assert_stays_on_device(on_meta, ids(0, 2, 4, n=V), 2, 3, eos=eos)


@given(seed=seeds, B=sizes, T=lengths)
@example(seed=0, B=2, T=3)
def test_the_scores_after_the_last_id_decide(kata, seed, B, T):
    model = bigram(V, seed)
    written = kata.generate(model, ids(seed, B, T, n=V), 5, 20)
    for row in written.tolist():
        for last, new in zip(row[T - 1 :], row[T:], strict=False):
            right = after(model, [last])
            told = f"wrote {new} after {last}, after which {right} scores highest"
            assert_holds(new == right, told, written)


@given(seed=seeds, B=sizes, T=lengths)
@example(seed=0, B=2, T=3)
def test_the_scores_after_the_last_id_decide__by_pick(kata, seed, B, T):
    model, prompt, seen = bigram(V, seed), ids(seed, B, T, n=V), []

    def lowest(logits):
        seen.append(logits.clone())
        return logits.argmin(-1)

    written = kata.generate(model, prompt, 3, 20, pick=lowest)
    right = [model.table.detach()[last] for last in written[:, T - 1 : -1].T]
    assert_holds(len(seen) == 3, f"called pick {len(seen)} times for 3 new ids", written)
    same = all(map(torch.equal, seen, right))
    assert_holds(same, "gave pick other scores than those after the last ids, (B, V)", written)
    assert_equal(written[:, T:], torch.stack([each.argmin(-1) for each in seen], 1))
    greedily = kata.generate(model, prompt, 3, 20, pick=kata.greedy)
    assert_equal(kata.generate(model, prompt, 3, 20), greedily)


@given(seed=seeds, B=sizes, T=lengths, context=lengths)
@example(seed=0, B=2, T=5, context=3)
@example(seed=0, B=2, T=2, context=4)
def test_the_model_reads_the_last_ids_up_to_the_context(kata, seed, B, T, context):
    model = averaging(V, seed)
    written = kata.generate(model, ids(seed, B, T, n=V), 5, context)
    most = max(shape[-1] for shape, *_ in model.seen)
    told = f"gave the model {most} ids to read, where context is {context}"
    assert_holds(most <= context, told, written)
    for row in written.tolist():
        for t in range(T, len(row)):
            read = row[max(t - context, 0) : t]
            right = after(model, read)
            told = f"wrote {row[t]} after {row[:t]}: with context={context} the model "
            told += f"reads {read}, after which {right} scores highest"
            assert_holds(row[t] == right, told, written)


def test_the_model_reads_the_last_ids_up_to_the_context__which_is_at_least_one(kata):
    for context, n in ((0, 3), (-2, 3), (0, 0)):
        for named in ("context", str(context)):
            with assert_raises(ValueError, mentions=named):
                kata.generate(bigram(V, 0), ids(0, 2, 4, n=V), n, context)


@given(seed=seeds, T=lengths, n=steps, m=steps, context=lengths)
@example(seed=0, T=2, n=3, m=2, context=4)
@example(seed=0, T=5, n=1, m=3, context=2)
def test_some_and_then_more_is_all_at_once(kata, seed, T, n, m, context):
    model, prompt = averaging(V, seed), ids(seed, 3, T, n=V)
    whole = kata.generate(model, prompt, n + m, context)
    first = kata.generate(model, prompt, n, context)
    assert_equal(kata.generate(model, first, m, context), whole)
    begun = kata.generate(counting(V), torch.tensor([[0], [2]]), 2, 3, eos=6)
    whole = kata.generate(counting(V), torch.tensor([[0], [2]]), 5, 3, eos=6)
    assert_equal(kata.generate(counting(V), begun, 3, 3, eos=6), whole)


@given(seed=seeds, B=sizes)
@example(seed=0, B=2)
def test_of_equal_scores_the_lowest_id_is_taken(kata, seed, B):
    scores = tensor(seed, B, 9).sign()
    assert_equal(kata.greedy(scores), torch.tensor([best(row) for row in scores]))
    assert_equal(kata.greedy(torch.zeros(2, 5000)), torch.tensor([0, 0]))
    assert_equal(kata.greedy(torch.tensor([[0.0, 1e-30]])), torch.tensor([1]))


@given(seed=seeds, B=sizes, eos=st.integers(0, 2))
@example(seed=0, B=5, eos=1)
def test_a_row_ends_at_the_first_eos_it_writes(kata, seed, B, eos):
    prompt = ids(seed, B, 2, n=3)
    written = kata.generate(averaging(3, seed), prompt, 6, 3, eos=eos)
    for row in written[:, 2:].tolist():
        rest = row[row.index(eos) :] if eos in row else []
        told = f"wrote {rest[1:]} after the eos of a row, which is {eos}"
        assert_holds(set(rest) <= {eos}, told, written)


def test_a_row_ends_at_the_first_eos_it_writes__and_not_at_one_it_was_given(kata):
    prompt = torch.tensor([[0, 0, 0], [3, 0, 2], [1, 2, 0]])
    written = kata.generate(counting(V), prompt, 3, 2, eos=0)
    for row in written.tolist():
        told = f"wrote {row[3]} after {row[:3]}, as if the 0 that was given had ended the row"
        assert_holds(row[3] != 0, told, written)
    assert_equal(written[:, 3:], torch.tensor([[1, 2, 3], [3, 4, 5], [1, 2, 3]]))


def test_a_row_ends_at_the_first_eos_it_writes__by_whichever_pick(kata):
    plan = iter(torch.tensor([[1, 5, 1], [1, 0, 5], [2, 3, 4], [5, 6, 6], [1, 1, 1]]))
    prompt, pick = torch.tensor([[5], [4], [0]]), lambda _: next(plan)
    written = kata.generate(bigram(V, 0), prompt, 5, 3, eos=5, pick=pick)
    assert_equal(written, torch.tensor([[5, 1, 1, 2, 5], [4, 5, 5, 5, 5], [0, 1, 5, 5, 5]]))


@given(first=st.lists(st.integers(0, 5), min_size=1, max_size=4), n=st.integers(1, 7))
@example(first=[1, 4, 2], n=7)
@example(first=[1, 4, 2], n=3)
def test_it_stops_when_every_row_has_ended(kata, first, n):
    written = kata.generate(counting(V), torch.tensor(first)[:, None], n, 3, eos=6)
    last = 6 - min(first)
    told = f"wrote {written.shape[1] - 1} new ids a row, of at most {n}; "
    told += f"the first row to end does so at number {6 - max(first)}, the last at number {last}"
    assert_holds(written.shape[1] == 1 + min(n, last), told, written)


@given(seed=seeds, B=sizes, T=lengths, eos=st.sampled_from([None, 0, 1]))
@example(seed=1, B=3, T=2, eos=1)
def test_every_row_is_as_if_it_were_alone(kata, seed, B, T, eos):
    model, prompt = averaging(3, seed), ids(seed, B, T, n=3)
    alone = [kata.generate(model, row[None], 5, 4, eos=eos)[0].tolist() for row in prompt]
    assert_equal(kata.generate(model, prompt, 5, 4, eos=eos), together(alone, eos))


def test_the_model_is_asked_in_evaluation_mode_without_gradients(kata):
    for training in (True, False):
        model, prompt = bigram(V, 0, dropout=0.5).train(training), ids(0, 2, 3, n=V)
        written = kata.generate(model, prompt, 4, 3)
        for _, mode, recorded in model.seen:
            assert_holds(not mode, "asked a model that was in training mode", written)
            assert_holds(not recorded, "asked the model while gradients were recorded", written)


def test_the_model_is_asked_in_evaluation_mode_without_gradients__which_come_back(kata):
    call = partial(kata.generate, bigram(V, 0), ids(0, 2, 3, n=V), 4, 3)

    def refused():
        with assert_raises(KeyError):
            call(pick=failing(KeyError))

    assert_recording_kept(call)
    assert_recording_kept(refused)


def test_every_module_gets_its_own_mode_back(kata):
    for model in (frozen(V), frozen(V).train(), frozen(V).eval()):
        before = modes(model)
        inside = within(kata.evaluating(model), partial(modes, model))
        told = f"had {[n for n, training in inside.items() if training]} in training mode inside"
        assert_holds(not any(inside.values()), told)
        assert_modes(model, before)
        kata.generate(model, ids(0, 2, 3, n=V), 2, 3)
        assert_modes(model, before)


def test_every_module_gets_its_own_mode_back__also_after_an_exception(kata):
    model = frozen(V)
    before = modes(model)
    recorded = within(kata.evaluating(model), torch.is_grad_enabled)
    assert_holds(recorded, "turned gradients off, which is not a matter of modes")
    for kind in (KeyError, SystemExit):  # all that may fly, not the subclasses of Exception alone
        with assert_raises(kind):
            within(kata.evaluating(model), failing(kind))
        assert_modes(model, before)
        with assert_raises(kind):
            kata.generate(model, ids(0, 2, 3, n=V), 2, 3, pick=failing(kind))
        assert_modes(model, before)


@given(seed=seeds, B=sizes, T=lengths, n=steps, context=lengths, eos=st.sampled_from([None, 1]))
@example(seed=0, B=3, T=2, n=6, context=4, eos=1)
def test_it_agrees_with_the_definition(kata, seed, B, T, n, context, eos):
    model, prompt = averaging(4, seed), ids(seed, B, T, n=4)
    rows = [by_the_definition(model, row, n, context, eos) for row in prompt.tolist()]
    assert_equal(kata.generate(model, prompt, n, context, eos=eos), together(rows, eos))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
