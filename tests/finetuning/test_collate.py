"""spec/finetuning/collate.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensors import seeds, tensor

PAD = 9  # also an id of the texts
texts = st.lists(st.integers(0, PAD), min_size=1, max_size=6)
batches = st.lists(texts, min_size=1, max_size=4)
plain = st.lists(st.lists(st.integers(0, PAD - 1), min_size=1, max_size=6), min_size=1, max_size=4)
above_zero = batches.map(lambda batch: [[i + 1 for i in ids] for ids in batch])
cuts = st.none() | st.integers(1, 8)
TEXTS = [[0, 1, 2, 3, 4], [5, 6], [7, 8, 2]]
LOOKALIKES = [[1, PAD, PAD, 2], [PAD, 3], [4, PAD], [PAD]]


def by_the_definition(batch, pad_id, ignore_index, max_length):
    """Decide each position by itself."""
    L = max(len(ids) for ids in batch)
    T = L if max_length is None else min(L, max_length)
    inputs = [[ids[t] if t < len(ids) else pad_id for t in range(T)] for ids in batch]
    targets = [
        [
            ids[t + 1] if t + 1 < len(ids) else pad_id if t + 1 == len(ids) else ignore_index
            for t in range(T)
        ]
        for ids in batch
    ]
    return torch.tensor(inputs), torch.tensor(targets)


def lists(both):
    return tuple(matrix.tolist() for matrix in both)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(batch=batches, pad_id=st.integers(0, 12), mark=st.sampled_from([-100, -1]), cut=cuts)
@example(batch=TEXTS, pad_id=PAD, mark=-100, cut=None)
@example(batch=TEXTS, pad_id=0, mark=-1, cut=3)
@example(batch=LOOKALIKES, pad_id=PAD, mark=-100, cut=4)
def test_it_agrees_with_the_definition(kata, batch, pad_id, mark, cut):
    expected = by_the_definition(batch, pad_id, mark, cut)
    returned = kata.collate(batch, pad_id, ignore_index=mark, max_length=cut)
    for matrix, right in zip(returned, expected, strict=True):
        assert_equal(matrix, right)


@given(batch=batches, cut=cuts)
@example(batch=TEXTS, cut=None)
@example(batch=TEXTS, cut=4)
@example(batch=TEXTS, cut=8)
@example(batch=[[1]], cut=None)
def test_the_longest_text_sets_the_width(kata, batch, cut):
    lengths = [len(ids) for ids in batch]
    right = len(batch), min(max(lengths), cut or 99)
    for name, matrix in zip(
        ("inputs", "targets"), kata.collate(batch, PAD, -100, cut), strict=True
    ):
        told = f"made {name} of shape {tuple(matrix.shape)}, not {right}, of texts of {lengths} ids"
        assert_holds(tuple(matrix.shape) == right, told, matrix)


def test_the_longest_text_sets_the_width__without_a_limit(kata):
    for matrix in kata.collate([[1], [*range(7)] * 10_000], PAD):
        told = f"made {matrix.shape[1]} columns of a text of 70000 ids, without a max_length"
        assert_holds(matrix.shape[1] == 70_000, told, matrix)


@given(batch=batches)
@example(batch=TEXTS)
def test_a_row_begins_with_its_text(kata, batch):
    inputs, _ = kata.collate(batch, PAD)
    for i, (row, ids) in enumerate(zip(inputs.tolist(), batch, strict=True)):
        told = f"made the inputs {row} of the text {ids} in row {i}"
        assert_holds(row[: len(ids)] == ids, f"{told}; it is to begin with it", inputs)
        rest = row[len(ids) :]
        told = f"{told}; after it stands pad_id={PAD} alone"
        assert_holds(rest == [PAD] * len(rest), told, inputs)


@given(batch=plain)
@example(batch=TEXTS)
def test_a_target_is_the_id_that_follows(kata, batch):
    _, targets = kata.collate(batch, PAD)
    for i, (row, ids) in enumerate(zip(targets.tolist(), batch, strict=True)):
        found = row[: len(ids) - 1]
        told = f"made {found} of the first {len(ids) - 1} targets of the text {ids} in row {i}"
        assert_holds(found == ids[1:], f"{told}, not {ids[1:]}", targets)


@given(batch=plain)
@example(batch=TEXTS)
@example(batch=[[1]])
def test_a_text_ends_with_one_mark(kata, batch):
    _, targets = kata.collate(batch, PAD)
    for row, ids in zip(targets.tolist(), batch, strict=True):
        told = f"made the targets {row} of the text {ids}: {row.count(PAD)} marks of its end"
        assert_holds(row.count(PAD) == 1, f"{told} count, not 1", targets)
        at = row.index(PAD)
        told = f"put the mark of the end of the text {ids} at {at} in {row}, not at {len(ids) - 1}"
        assert_holds(at == len(ids) - 1, told, targets)
        after = row[len(ids) :]
        told = f"made the targets {after} after the end of the text {ids}; none is to count"
        assert_holds(after == [-100] * len(after), told, targets)


@given(batch=batches)
@example(batch=LOOKALIKES)
@example(batch=[[1, PAD, 2], [PAD, PAD, PAD]])
@example(batch=[[1, 2, 3], [4, PAD]])
def test_an_id_is_hidden_by_its_place(kata, batch):
    _, targets = kata.collate(batch, PAD)
    for row, ids in zip(targets.tolist(), batch, strict=True):
        right = [*ids[1:], PAD]
        found, after = row[: len(ids)], row[len(ids) :]
        told = f"made the targets {found} of the text {ids}, in which pad_id={PAD} is an id"
        assert_holds(found == right, f"{told}; {right} are to count", targets)
        told = f"made the targets {after} after the end of the text {ids}; none is to count"
        assert_holds(after == [-100] * len(after), told, targets)


@given(batch=batches, seed=seeds)
@example(batch=TEXTS, seed=0)
@example(batch=LOOKALIKES, seed=0)
def test_padding_does_not_count(kata, batch, seed):
    _, targets = kata.collate(batch, PAD)
    logits = tensor(seed, *targets.shape, PAD + 1)
    returned = F.cross_entropy(logits.flatten(0, 1), targets.flatten().long())
    costs = []
    for row, ids in zip(logits, batch, strict=True):
        wanted = torch.tensor([*ids[1:], PAD])
        costs += F.cross_entropy(row[: len(ids)], wanted, reduction="none").tolist()
    right = sum(costs) / len(costs)
    counted = int((targets != -100).sum())
    told = f"lets {counted} targets count, not {len(costs)}: the loss is {returned:.6g}"
    assert_holds(abs(returned - right) < 1e-9, f"{told}, not {right:.6g}", targets)


@given(batch=batches, more=batches)
@example(batch=TEXTS, more=[[1, 2, 3, 4, 5, 6]])
@example(batch=LOOKALIKES, more=[[1]])
def test_a_row_does_not_depend_on_the_others(kata, batch, more):
    together = lists(kata.collate([*batch, *more], PAD))
    for i, ids in enumerate(batch):
        alone = lists(kata.collate([ids], PAD))
        for name, rows, own in zip(("inputs", "targets"), together, alone, strict=True):
            found = rows[i][: len(ids)]
            told = f"made the {name} {own[0]} of the text {ids} alone, and among others {found}"
            assert_holds(found == own[0], told, rows)


@given(batch=batches, cut=st.integers(1, 8))
@example(batch=TEXTS, cut=3)
@example(batch=TEXTS, cut=2)
@example(batch=[[1, 2, 3]], cut=3)
def test_the_start_is_kept(kata, batch, cut):
    whole, short = kata.collate(batch, PAD), kata.collate(batch, PAD, max_length=cut)
    for name, all_, kept in zip(("inputs", "targets"), whole, short, strict=True):
        found, right = kept.tolist(), all_[:, :cut].tolist()
        told = f"made the {name} {found}; the first columns of the whole are {right}"
        assert_holds(found == right, told, kept)


@given(batch=plain, cut=st.integers(1, 6))
@example(batch=TEXTS, cut=3)
@example(batch=[[1, 2, 3]], cut=2)
@example(batch=[[1, 2, 3]], cut=3)
def test_a_text_that_is_cut_has_no_end(kata, batch, cut):
    _, targets = kata.collate(batch, PAD, max_length=cut)
    for row, ids in zip(targets.tolist(), batch, strict=True):
        if len(ids) > cut:
            right = ids[1 : cut + 1]
            told = f"made the targets {row} of the text {ids}, which goes on after {cut} positions"
            assert_holds(row == right, f"{told}; they are {right}", targets)
        elif len(ids) == cut:
            told = f"made the targets {row} of the text {ids}, which is not cut at {cut}"
            assert_holds(row[-1] == PAD, f"{told}; the last is the mark of its end", targets)


@given(batch=above_zero, mark=st.sampled_from([-1, -100, 77, 0]))
@example(batch=[[1, 2, 3], [4]], mark=-1)
@example(batch=[[1, 2, 3], [4]], mark=0)
def test_any_number_may_be_the_mark_of_what_is_ignored(kata, batch, mark):
    right = by_the_definition(batch, PAD, mark, None)[1]
    for arguments, options in (((batch, PAD, mark), {}), ((batch, PAD), {"ignore_index": mark})):
        assert_equal(kata.collate(*arguments, **options)[1], right)
    assert_equal(kata.collate(batch, PAD)[1], by_the_definition(batch, PAD, -100, None)[1])


def test_both_are_matrices_of_int64(kata):
    forms = TEXTS, [[1]], [tuple(ids) for ids in TEXTS], (range(3), range(2, 7), [1])
    for batch in (*forms, [[128_000, 2**24 + 1, 70_001], [2**24 + 1]]):
        both = kata.collate(batch, PAD)
        told = f"returned a {type(both).__name__}, not a tuple of two"
        assert_holds(isinstance(both, tuple) and len(both) == 2, told, both)
        expected = by_the_definition(batch, PAD, -100, None)
        for matrix, right in zip(both, expected, strict=True):
            assert_equal(matrix, right)


def test_both_are_matrices_of_int64__and_share_nothing(kata):
    for batch in (TEXTS, [[1, 2], [3, 4]], [[1]]):
        for cut in (None, 3):
            inputs, targets = kata.collate(batch, PAD, max_length=cut)
            kept = targets.clone()
            inputs.fill_(5)
            told = "gave inputs and targets that share memory: to change one changes the other"
            assert_holds(torch.equal(targets, kept), told)


def test_the_texts_are_left_alone(kata):
    for cut in (None, 3):
        assert_leaves_alone(kata.collate, [list(ids) for ids in TEXTS], PAD, max_length=cut)


def test_a_batch_without_text_is_refused(kata):
    twice = [[1], [1], [], [2, 3], [2, 3]], "[1, 1, 0, 2, 2]"
    for batch, held in (([], "[]"), ([[]], "[0]"), ([[1, 2], [], [3, 4, 5]], "[2, 0, 3]"), twice):
        for mentions in ("batch", held):
            for cut in (None, 2):
                with assert_raises(ValueError, mentions=mentions):
                    kata.collate(batch, PAD, max_length=cut)


def test_a_length_below_one_is_refused(kata):
    for cut in (0, -3):
        for mentions in ("max_length", str(cut)):
            with assert_raises(ValueError, mentions=mentions):
                kata.collate(TEXTS, PAD, max_length=cut)
