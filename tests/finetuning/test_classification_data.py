"""spec/finetuning/classification_data.md, clause by clause."""

import random
from collections import Counter

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from tests.classifying import encode, labelled, rows_of, told_of
from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensors import random as seeded
from tests.tensors import seeds

PAD = 122  # also the id of the letter z
labels = st.lists(st.sampled_from([0, 0, 0, 1, 1, -7]), max_size=12)
words = st.lists(st.text("abz😀", min_size=1, max_size=5), min_size=1, max_size=6)
lengths = st.sampled_from([None, 1, 2, 3, 5, 8])
shares = st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.5), (1.0,), (0.0, 0.29, 0.71), (0.6, 0.4, 0.0)])


def dataset_of(kata, texts, max_length=None, pad_id=PAD):
    return kata.TextClassificationDataset(rows_of(texts), encode, max_length, pad_id)


def assert_each_as_often(draw, choices, told):
    """Assert that each choice comes about 100 times, in 100 drawings for each."""
    __tracebackhide__ = True
    number = 100 * len(choices)
    found = Counter(draw() for _ in range(number))
    for choice in choices:
        as_often = f"{told} {choice} {found[choice]} times of {number}, not about 100"
        assert_holds(55 < found[choice] < 145, as_often)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(texts=words, length=lengths)
@example(texts=["ab", "zabza", "z"], length=3)
@example(texts=["ab", "zabza", "z"], length=None)
def test_it_agrees_with_the_definition(kata, texts, length):
    dataset = dataset_of(kata, texts, length)
    assert_equal(len(dataset), len(texts))
    L = length or max(map(len, texts))
    for i, text in enumerate(texts):
        row = [ord(text[j]) if j < len(text) else PAD for j in range(L)]
        ids, real, label = dataset[i]
        assert_equal(ids, torch.tensor(row))
        assert_equal((real, label), (min(len(text), L), 3 + i))


@given(marks=labels, seed=seeds)
@example(marks=[0, 0, 1, 0, 0, 1, -7, -7, -7], seed=0)
def test_every_class_keeps_as_many(kata, marks, seed):
    least = min(Counter(marks).values(), default=0)
    for rows in (labelled(marks), [("equal", mark) for mark in marks]):
        kept = Counter(label for _, label in kata.balance(rows, seeded(seed)))
        told = f"kept {dict(kept)} of each class, where the smallest of {dict(Counter(marks))}"
        assert_holds(kept == dict.fromkeys(marks, least), f"{told} has {least}")


@given(marks=labels, seed=seeds)
@example(marks=[0, 0, 1, 0, 0, 1, -7, -7, -7], seed=0)
def test_what_is_kept_was_given(kata, marks, seed):
    rows = labelled(marks)
    kept = kata.balance(rows, seeded(seed))
    told = f"kept the rows {', '.join(told_of(kept))}"
    assert_holds(len(set(kept)) == len(kept), f"{told}: one of them more than once", kept)
    in_order = kept == [row for row in rows if row in kept]
    assert_holds(in_order, f"{told}, which is not the order in which they were given", kept)


def test_which_rows_are_kept_is_drawn(kata):
    for marks, classes, choices, what in (
        ([0, 1, 0, 0, 1, 0], [0], "0+2 0+3 0+5 2+3 2+5 3+5", "the class of rows 0, 2, 3 and 5"),
        ([0, 1, 0, 1, 2], [0, 1], "0+1 0+3 1+2 2+3", "the classes of 0 and 2, and of 1 and 3,"),
    ):
        rows, generator = labelled(marks), seeded(0)
        draw = lambda r=rows, g=generator, c=classes: "+".join(  # noqa: E731
            told_of(row for row in kata.balance(r, g) if row[1] in c)
        )
        assert_each_as_often(draw, choices.split(), f"of {what} kept")


@given(number=st.integers(0, 30), fractions=shares, seed=seeds)
@example(number=11, fractions=(0.7, 0.1, 0.2), seed=0)
def test_every_row_is_in_one_part(kata, number, fractions, seed):
    some = labelled([0] * number)
    for rows in (some, some + some[::2]):
        given = Counter(rows)
        found = Counter(row for part in kata.split(rows, seeded(seed), fractions) for row in part)
        twice = found - given
        told = f"put {len(twice)} of {len(rows)} rows into more than one part: who tests has seen"
        assert_holds(not twice, f"{told} them")
        lost = told_of((given - found).elements())
        told = f"put {len(lost)} of {len(rows)} rows into no part: {', '.join(lost)}"
        assert_holds(not lost, told if rows is some else f"{told}, which were given twice")


@given(number=st.integers(0, 200), fractions=shares)
@example(number=1494, fractions=(0.7, 0.1, 0.2))
@example(number=1100, fractions=(0.85, 0.1, 0.05))
@example(number=100, fractions=(0.29, 0.71))
@example(number=100, fractions=(0.29, 0.71 - 5e-10))
def test_sizes_are_cut_off(kata, number, fractions):
    sizes = [int(number * fraction) for fraction in fractions[:-1]]
    right = (*sizes, number - sum(sizes))
    parts = kata.split(range(number), seeded(0), fractions)
    assert_holds(isinstance(parts, tuple), "returned no tuple", parts)
    told = f"made parts of {tuple(map(len, parts))} rows of {number}, not of {right}"
    assert_holds(tuple(map(len, parts)) == right, told)


def test_sizes_are_cut_off__and_the_shares_have_defaults(kata):
    sizes = tuple(map(len, kata.split(range(1494), seeded(0))))
    told = f"made, without any fractions given, parts of {sizes} rows, not of (1045, 149, 300)"
    assert_holds(sizes == (1045, 149, 300), told)


def test_rows_are_shuffled_before_they_are_cut(kata):
    generator = seeded(0)
    draw = lambda: " | ".join(map("".join, kata.split("abc", generator, (0.4, 0.6))))  # noqa: E731
    choices = ["a | bc", "a | cb", "b | ac", "b | ca", "c | ab", "c | ba"]
    assert_each_as_often(draw, choices, "dealt the rows a, b and c as")


def test_all_chance_comes_from_the_generator(kata):
    rows = labelled([0, 1, 1, 1] * 20)
    for call in (kata.balance, kata.split):
        before = torch.get_rng_state().tolist(), random.getstate()
        generator = seeded(1)
        first, later = call(rows, generator), call(rows, generator)
        same = before == (torch.get_rng_state().tolist(), random.getstate())
        assert_holds(same, "moved a global generator, torch's or Python's")
        told = "gave other rows for a second generator with the same seed"
        assert_holds(call(rows, seeded(1)) == first, told)
        assert_holds(later != first, "drew the same again from a generator that was used before")


def test_shares_that_do_not_add_up_are_refused(kata):
    off = ((0.7, 0.1), (0.7, 0.2, 0.2), (0.7, 0.3 - 1e-6), (0.7, 0.3 + 1e-6))
    for fractions in (*off, (1.2, -0.2), (), (float("nan"), 1.0)):
        for mentions in ("fractions", *map(str, fractions)):
            with assert_raises(ValueError, mentions):
                kata.split(range(9), seeded(0), fractions)


@given(texts=words, length=lengths)
@example(texts=["ab", "z😀bza", "z"], length=3)
def test_a_text_stands_in_front_of_its_padding(kata, texts, length):
    for pad in (PAD, 0, -100, 100_257):
        dataset = dataset_of(kata, texts, length, pad)
        for i, text in enumerate(texts):
            ids, right = dataset[i][0].tolist(), encode(text)[:length]
            told = f"begins row {i} with {ids[: len(right)]}, not with {right} of {encode(text)}"
            assert_holds(ids[: len(right)] == right, told)
            rest = ids[len(right) :]
            told = f"fills up row {i} with {rest}, where pad_id is {pad}"
            assert_holds(set(rest) <= {pad}, told)


@given(texts=words, length=lengths)
@example(texts=["zzz", "az", "zabza"], length=4)
def test_the_length_counts_what_is_real(kata, texts, length):
    dataset = dataset_of(kata, texts, length)
    for i, text in enumerate(texts):
        right, found = len(encode(text)[:length]), dataset[i][1]
        told = f"says that {found} ids of row {i} are real, and {right} are; the text is"
        assert_holds(found == right, f"{told} {encode(text)}, and pad_id {PAD}")


@given(texts=words, length=st.integers(1, 9))
@example(texts=["a", "ab"], length=5)
@example(texts=["abzab", "ab"], length=3)
def test_every_row_has_the_length_asked_for(kata, texts, length):
    for asked in (length, None):
        dataset = dataset_of(kata, texts, asked)
        right = asked or max(map(len, texts))
        sizes = {len(dataset[i][0]) for i in range(len(texts))}
        made = " and ".join(map(str, sorted(sizes)))
        told = f"made rows of {made} ids, not of {right}, for max_length={asked}"
        assert_holds(sizes == {right}, told)
        assert_equal(dataset.max_length, right)
    validation = dataset_of(kata, ["abzabzabzabz"], dataset_of(kata, texts).max_length)
    assert_equal(len(validation[0][0]), max(map(len, texts)))


def test_a_loader_makes_three_tensors(kata):
    texts = ["ab", "zabza", "z"]
    loader = DataLoader(dataset_of(kata, texts, 4), batch_size=len(texts))
    right = {"ids": (len(texts), 4), "lengths": (len(texts),), "labels": (len(texts),)}
    for (name, shape), made in zip(right.items(), next(iter(loader)), strict=True):
        found, asked = (
            (str(x.dtype)[6:], tuple(x.shape)) for x in (made, torch.zeros(shape).long())
        )
        told = f"makes a loader give {name} of {found[0]} and shape {found[1]}"
        assert_holds(found == asked, f"{told}, not of {asked[0]} and shape {asked[1]}")


def test_each_text_is_encoded_once(kata):
    asked = []

    def noted(text):
        asked.append(text)
        return encode(text)

    dataset = kata.TextClassificationDataset(rows_of(["ab", "z", "abc", "z"]), noted, None, PAD)
    for i in (0, 1, 2, 3, 1):
        dataset[i]
    told = f"encoded {len(asked)} texts for a dataset of 4 rows, some of them read twice"
    assert_holds(sorted(asked) == ["ab", "abc", "z", "z"], told)


def test_an_index_works_as_it_does_for_a_list(kata):
    texts = ["ab", "zabza", "z"]
    dataset = dataset_of(kata, texts)
    for i in range(-len(texts), 0):
        assert_equal(dataset[i][2], rows_of(texts)[i][1])
    for beyond in (len(texts), -len(texts) - 1):
        with assert_raises(IndexError):
            dataset[beyond]
    for asked, right in ((None, 0), (4, 4)):
        empty = dataset_of(kata, [], asked)
        assert_equal((len(empty), empty.max_length), (0, right))


def test_a_text_without_ids_is_refused(kata):
    for mentions in ("rows", "1"):
        for length in (None, 4):
            with assert_raises(ValueError, mentions):
                dataset_of(kata, ["a", "", "b", "", ""], length)


def test_a_length_below_one_is_refused(kata):
    for length in (0, -3):
        for mentions in ("max_length", str(length)):
            for texts in (["ab", "z"], []):
                with assert_raises(ValueError, mentions):
                    dataset_of(kata, texts, length)


def test_nothing_given_is_changed(kata):
    rows = labelled([0, 1, 1, 0, 1, 1])
    assert_leaves_alone(lambda given: kata.balance(given, seeded(0)), rows)
    assert_leaves_alone(lambda given: kata.split(given, seeded(0)), rows)
    made = kata.TextClassificationDataset
    ids = {"a": [1, 2, 3], "b": [4]}
    read = lambda rows, ids: [made(rows, ids.get, 2, 0)[i] for i in (0, 1)]  # noqa: E731
    assert_leaves_alone(read, rows_of("ab"), ids)
    dataset = dataset_of(kata, ["ab", "z"])
    dataset[0][0].zero_()
    assert_equal(dataset[0][0], torch.tensor(encode("ab")))
