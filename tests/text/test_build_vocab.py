"""spec/text/build_vocab.md, clause by clause."""

import re
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_leaves_alone

words = st.text("aBzé,", min_size=1, max_size=2)
tokens = st.lists(words, max_size=6)
markers = st.lists(st.sampled_from(["<|unk|>", "<|endoftext|>", "[PAD]"]), max_size=3, unique=True)
mixed = st.lists(words | st.sampled_from(["<|unk|>", "[PAD]"]), max_size=6)

BEGINNING = "! \" ' ( ) , -- . : ; ? A Ah Among And Are Arrt As At Be Begin"
END = {"younger": 1156, "your": 1157, "yourself": 1158, "<|endoftext|>": 1159, "<|unk|>": 1160}


def by_the_definition(tokens, specials=()):
    """Count, for each entry, the entries before it."""
    ordinary = {t for t in tokens if t not in specials}
    ids = {t: sum(other < t for other in ordinary) for t in ordinary}
    for special in specials:
        ids.setdefault(special, len(ids))
    return ids


def checked(vocab):
    """Make sure that there is a vocabulary to speak of."""
    assert_holds(isinstance(vocab, dict), f"returned a {type(vocab).__name__}, not a dict", vocab)
    return vocab


def cut(text, separators):
    pieces = re.split(rf"([{separators}]|--|\s)", text)
    return [piece.strip() for piece in pieces if piece.strip()]


@given(tokens=mixed, specials=markers)
@example(tokens=["B", "a"], specials=[])
def test_every_type_is_an_entry(kata, tokens, specials):
    vocab = checked(kata.build_vocab(tokens, specials))
    for token in (*tokens, *specials):
        assert_holds(token in vocab, f"returned a vocabulary without {token!r}", vocab)
    extra = [entry for entry in vocab if entry not in (*tokens, *specials)]
    assert_holds(not extra, f"returned the entry {extra[:1]}, which nobody gave", vocab)


@given(tokens=st.lists(words, max_size=6, unique=True))
@example(tokens=["B", "a"])
def test_the_ids_run_from_zero_without_a_gap(kata, tokens):
    vocab = checked(kata.build_vocab(tokens))
    ids = list(vocab.values())
    whole = sorted(ids, key=str) == sorted(range(len(vocab)), key=str)
    assert_holds(whole, f"gave the ids {ids}, not 0 to {len(vocab) - 1}", vocab)


@given(tokens=tokens)
@example(tokens=["a", "B"])
def test_repetition_changes_nothing(kata, tokens):
    once = checked(kata.build_vocab(tokens))
    assert_equal(kata.build_vocab(tokens + tokens[:1] * 3), once)


def test_ordinary_tokens_are_sorted__at_every_run(kata):
    letters = list("abcdefghijklmnopqrstuvwxyz")
    vocab = checked(kata.build_vocab(letters))
    says = "numbered them in the order of a set, which changes from run to run"
    assert_holds(sorted(letters, key=vocab.get) == letters, says, vocab)


@given(tokens=tokens)
@example(tokens=["b", "a"])
@example(tokens=["a", "B"])
@example(tokens=["é", "z", "a", ","])
def test_ordinary_tokens_are_sorted(kata, tokens):
    vocab = checked(kata.build_vocab(tokens))
    known = sorted(token for token in set(tokens) if token in vocab)
    wrong = [(a, b) for a, b in pairwise(known) if vocab[a] > vocab[b]]
    a, b = (wrong or [("", "")])[0]
    assert_holds(not wrong, f"gave {b!r} a smaller id than {a!r}, though {a!r} < {b!r}", vocab)


@given(tokens=tokens)
@example(tokens=["a", "B"])
def test_ordinary_tokens_are_sorted__whatever_their_order_in_the_text(kata, tokens):
    assert_equal(kata.build_vocab(tokens[::-1]), by_the_definition(tokens))


@given(tokens=tokens, specials=markers)
@example(tokens=["a"], specials=["<|unk|>"])
@example(tokens=["a"], specials=["[PAD]"])
def test_a_special_moves_no_other_id(kata, tokens, specials):
    vocab = checked(kata.build_vocab(tokens, specials))
    for token, kept in by_the_definition(tokens).items():
        says = f"gave {token!r} the id {vocab.get(token)}; without specials it has {kept}"
        assert_holds(vocab.get(token) == kept, says, vocab)


@given(tokens=tokens, specials=markers)
@example(tokens=["a"], specials=["<|unk|>", "<|endoftext|>"])
def test_specials_come_last_in_the_order_given(kata, tokens, specials):
    assert_equal(kata.build_vocab(tokens, specials), by_the_definition(tokens, specials))


@given(tokens=mixed, specials=markers)
@example(tokens=["a", "<|unk|>"], specials=["<|unk|>"])
def test_a_special_has_one_place(kata, tokens, specials):
    vocab, expected = kata.build_vocab(tokens, specials), by_the_definition(tokens, specials)
    assert_holds(vocab == expected, f"returned {vocab}, not {expected}", vocab)


def test_a_special_has_one_place__if_it_is_given_twice(kata):
    expected = {"a": 0, "[PAD]": 1, "<|unk|>": 2}
    assert_equal(kata.build_vocab(["a"], ["[PAD]", "<|unk|>", "[PAD]"]), expected)


@given(tokens=mixed, specials=markers)
@example(tokens=["b", "a", "b"], specials=[])
@example(tokens=["<|unk|>", "a"], specials=["<|unk|>"])
def test_any_iterable_will_do(kata, tokens, specials):
    assert_equal(kata.build_vocab(iter(tokens), specials), by_the_definition(tokens, specials))


@given(tokens=mixed, specials=markers)
@example(tokens=["b", "a", "<|unk|>", "b"], specials=["<|unk|>", "[PAD]"])
def test_the_arguments_are_left_alone(kata, tokens, specials):
    assert_leaves_alone(kata.build_vocab, tokens, specials)


@settings(max_examples=50)
@given(tokens=mixed, specials=mixed)
@example(tokens=[], specials=[])
@example(tokens=[], specials=["<|unk|>"])
@example(tokens=["b", "a", "b"], specials=("[PAD]", "b"))
def test_it_agrees_with_the_definition(kata, tokens, specials):
    assert_equal(kata.build_vocab(tokens, specials), by_the_definition(tokens, specials))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__for_the_whole_story(kata, verdict):
    vocab = checked(kata.build_vocab(cut(verdict, ",.:;?_!\"()'")))
    assert_holds(len(vocab) == 1130, f"returned {len(vocab):,} entries, not 1,130", vocab)
    expected = {token: place for place, token in enumerate(BEGINNING.split())}
    assert_equal({token: vocab.get(token) for token in expected}, expected)


def test_the_printed_values_hold__with_specials_after_the_whole_story(kata, verdict):
    tokens = cut(verdict, ",.?_!\"()'")
    vocab = checked(kata.build_vocab(tokens, ["<|endoftext|>", "<|unk|>"]))
    assert_holds(len(vocab) == 1161, f"returned {len(vocab):,} entries, not 1,161", vocab)
    assert_equal({token: vocab.get(token) for token in END}, END)
