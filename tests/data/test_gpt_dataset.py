"""spec/data/gpt_dataset.md, clause by clause."""

from itertools import islice
from types import SimpleNamespace

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises

END = "<|endoftext|>"
letters = st.text("abcdef", min_size=5, max_size=12)
sizes = st.integers(1, 4)
words = st.sampled_from([" the", " cat", " sat", ".", "\n", " Gisburn", END])
prose = st.lists(words, max_size=20).map("".join)


def one_id_per_character(text, allowed_special=()):
    """Spell a text by its code points, but a special token that is allowed by one id."""
    if allowed_special == "all" or END in allowed_special:
        text = text.replace(END, chr(50256))
    return [ord(character) for character in text]


tokenizer = SimpleNamespace(encode=one_id_per_character)


def count_to(number):
    """Write a text in which no two windows of four ids are alike."""
    return " ".join(map(str, range(number)))


def by_the_definition(ids, length, stride):
    """List the windows in order, each with its targets."""
    starts = [i * stride for i in range(len(ids)) if i * stride + length < len(ids)]
    return [(ids[s : s + length], ids[s + 1 : s + length + 1]) for s in starts]


def rows(batches):
    """List the windows as they came, each with its targets."""
    return [(x, y) for xs, ys in batches for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(text=letters, length=sizes, stride=sizes)
@example(text="abcdefghi", length=3, stride=2)
def test_an_item_is_a_window_and_its_targets(kata, text, length, stride):
    dataset = kata.GPTDatasetV1(text, tokenizer=tokenizer, max_length=length, stride=stride)
    for i, right in enumerate(by_the_definition(text, length, stride)):
        inputs, targets = dataset[i]
        found = tuple("".join(map(chr, ids.tolist())) for ids in (inputs, targets))
        assert_holds(found == right, f"spells {found}, not {right}")


@given(text=letters, length=sizes, stride=sizes)
@example(text="abcdef", length=3, stride=1)
def test_the_length_is_the_number_of_windows(kata, text, length, stride):
    dataset = kata.GPTDatasetV1(text, tokenizer=tokenizer, max_length=length, stride=stride)
    assert_equal(len(dataset), len(by_the_definition(text, length, stride)))


@given(text=letters, length=sizes, stride=sizes)
@example(text="abcdef", length=2, stride=2)
def test_an_index_works_as_it_does_for_a_list(kata, text, length, stride):
    dataset = kata.GPTDatasetV1(text, tokenizer=tokenizer, max_length=length, stride=stride)
    expected = by_the_definition(text, length, stride)
    for i in range(-len(expected), 0):
        assert_equal(dataset[i][0].tolist(), [ord(character) for character in expected[i][0]])
    for beyond in (len(expected), len(expected) + 2, -len(expected) - 1):
        with assert_raises(IndexError):
            dataset[beyond]
    count = len(list(islice(dataset, len(expected) + 1)))
    assert_holds(count == len(expected), f"went on after the last of {len(expected)} items")


def test_the_end_of_a_text_is_one_id(kata):
    text = f"ab{END}cd"
    dataset = kata.GPTDatasetV1(text, tokenizer=tokenizer, max_length=2, stride=1)
    inputs, targets = dataset[1]
    assert_equal(inputs, torch.tensor([98, 50256]))
    assert_equal(targets, torch.tensor([50256, 99]))


def test_the_end_of_a_text_is_one_id__in_a_loader(kata):
    loader = kata.create_dataloader_v1(f"a{END}b", 1, 2, 1, shuffle=False)
    inputs, _ = next(iter(loader))
    assert_equal(inputs.flatten().tolist(), [64, 50256])


@given(batch_size=sizes, length=sizes, shuffle=st.booleans())
@example(batch_size=2, length=3, shuffle=False)
def test_a_batch_holds_one_window_in_each_row(kata, gpt2, batch_size, length, shuffle):
    text = count_to(12)
    right = by_the_definition(gpt2.encode(text), length, 2)
    loader = kata.create_dataloader_v1(text, batch_size, length, 2, shuffle)
    batch = next(iter(loader))
    for matrix in batch:
        found = matrix.dtype, tuple(matrix.shape)
        told = (
            f"gave a batch of {found[0]} and shape {found[1]}, not int64 and {batch_size, length}"
        )
        assert_holds(found == (torch.int64, (batch_size, length)), told)
    for row in rows([batch]):
        assert_holds(row in right, "gave a batch with a row that is not a window and its targets")


def test_without_shuffling_the_windows_keep_their_order(kata, gpt2):
    text = count_to(304)
    expected = by_the_definition(gpt2.encode(text), 4, 1)
    loader = kata.create_dataloader_v1(text, 10, 4, 1, shuffle=False)
    for epoch in ("first", "second"):
        told = f"did not keep the order of the text in the {epoch} epoch, though shuffle=False"
        assert_holds(rows(loader) == expected, told)


def test_each_epoch_is_shuffled_anew(kata, gpt2):
    text = count_to(304)
    expected = by_the_definition(gpt2.encode(text), 4, 1)
    loader = kata.create_dataloader_v1(text, 10, 4, 1, shuffle=True)
    first, second = rows(loader), rows(loader)
    assert_holds(first != expected, "kept the order of the text, though shuffle=True")
    assert_holds(first != second, "gave the same order in two epochs, though shuffle=True")


@given(shuffle=st.booleans(), batch_size=sizes, stride=sizes)
@example(shuffle=False, batch_size=3, stride=2)
@example(shuffle=True, batch_size=3, stride=2)
def test_an_epoch_shows_every_window_once(kata, gpt2, shuffle, batch_size, stride):
    text = count_to(60)
    right = by_the_definition(gpt2.encode(text), 4, stride)
    loader = kata.create_dataloader_v1(text, batch_size, 4, stride, shuffle, drop_last=False)
    shown = rows(loader)
    told = f"showed {len(shown)} windows in an epoch; the text has {len(right)}"
    assert_holds(len(shown) == len(right), told)
    told = "left out a window, and showed another twice, in one epoch"
    assert_holds(all(window in shown for window in right), told)


@given(batch_size=st.integers(1, 6), windows=st.integers(1, 12), shuffle=st.booleans())
@example(batch_size=4, windows=10, shuffle=False)
@example(batch_size=4, windows=3, shuffle=True)
def test_a_last_small_batch_is_dropped_on_demand(kata, gpt2, batch_size, windows, shuffle):
    text = gpt2.decode(gpt2.encode(count_to(20))[: windows + 4])
    full, left = divmod(windows, batch_size)
    for drop_last, right in (
        (True, [batch_size] * full),
        (False, [batch_size] * full + [left] * bool(left)),
    ):
        loader = kata.create_dataloader_v1(text, batch_size, 4, 1, shuffle, drop_last)
        found = [len(inputs) for inputs, _ in loader]
        assert_holds(found == right, f"made batches of {found} windows, not of {right}")
        assert_holds(len(loader) == len(right), f"has the length {len(loader)}, not {len(right)}")


def test_the_default_values_are_those_of_the_interface(kata, gpt2):
    text = count_to(3100)
    expected = by_the_definition(gpt2.encode(text), 256, 128)
    loader = kata.create_dataloader_v1(text)
    shapes = {tuple(inputs.shape) for inputs, _ in loader}
    assert_holds(shapes == {(4, 256)}, f"made batches of shape {sorted(shapes)}, not of (4, 256)")
    count = len(list(loader))
    told = f"made {count} batches of {len(expected)} windows, not {len(expected) // 4}"
    assert_holds(count == len(expected) // 4, told)
    shown = rows(loader)
    assert_holds(all(window in expected for window in shown), "gave other windows than the text's")
    told = "kept the order of the text; the default is to shuffle"
    assert_holds(shown != expected[: len(shown)], told)


@given(text=st.text("abc", max_size=4), stride=sizes)
@example(text="abcd", stride=1)
@example(text="", stride=1)
def test_a_short_text_gives_no_window(kata, text, stride):
    dataset = kata.GPTDatasetV1(text, tokenizer=tokenizer, max_length=4, stride=stride)
    assert_equal(len(dataset), 0)
    loader = kata.create_dataloader_v1(text, 1, 4, stride, shuffle=False)
    assert_equal(len(list(loader)), 0)


@settings(max_examples=50)
@given(text=prose, batch_size=sizes, length=sizes, stride=sizes, drop_last=st.booleans())
@example(text=" the cat sat" * 5, batch_size=2, length=3, stride=2, drop_last=False)
def test_it_agrees_with_the_definition(kata, gpt2, text, batch_size, length, stride, drop_last):
    windows = by_the_definition(gpt2.encode(text, allowed_special={END}), length, stride)
    expected = [windows[i : i + batch_size] for i in range(0, len(windows), batch_size)]
    expected = [batch for batch in expected if len(batch) == batch_size or not drop_last]
    loader = kata.create_dataloader_v1(text, batch_size, length, stride, False, drop_last)
    batches = list(loader)
    assert_equal(len(batches), len(expected))
    for (inputs, targets), batch in zip(batches, expected, strict=True):
        assert_equal(inputs, torch.tensor([window for window, _ in batch]))
        assert_equal(targets, torch.tensor([shifted for _, shifted in batch]))
