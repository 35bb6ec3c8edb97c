"""spec/text/simple_tokenizer_v1.md, clause by clause."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)

EIGHT = ",.?!\"()'"
PLAIN = ["tea", "you", "A", "a", "é", "-a", "well-known", "--", "_"]
COLONS = ["know;", "know", "it:", ":", ";"]
VOCAB = {token: 30 - place for place, token in enumerate([*PLAIN, *COLONS, *EIGHT])}

plain = st.sampled_from(PLAIN)
words = st.sampled_from(PLAIN + COLONS)
gaps = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", "--", ", ", "(", '!"', "_"])
plain_texts = st.lists(st.tuples(plain, gaps).map("".join), max_size=5).map("".join)
texts = st.lists(st.tuples(words, gaps).map("".join), max_size=5).map("".join)
ids = st.lists(st.sampled_from(list(VOCAB.values())), max_size=6)


def cut(text):
    """Find the tokens, colons among the words."""
    return re.findall(r"""--|[,.?_!"()']|(?:(?!--)[^,.?_!"()'\s])+""", text)


def vocabulary(tokens):
    """Number the tokens backwards, so that an id is not the place of its token."""
    types = list(dict.fromkeys(tokens))
    return {token: len(types) - place for place, token in enumerate(types, start=1)}


def decoded(ids, vocab=VOCAB):
    """Write word after word, each with a space before it unless it is one of the eight marks."""
    tokens = {number: token for token, number in vocab.items()}
    text = ""
    for token in (tokens[number] for number in ids):
        text += token if not text or token in EIGHT else f" {token}"
    return text


@given(text=plain_texts)
@example(text="A a tea A")
@example(text="tea, you")
@example(text="")
def test_every_token_becomes_its_id(kata, text):
    tokens = cut(text)
    vocab = vocabulary(tokens)
    assert_equal(kata.SimpleTokenizerV1(vocab).encode(text), [vocab[t] for t in tokens])


@given(text=texts)
@example(text="know ; know;")
def test_it_cuts_without_colons(kata, text):
    tokens = cut(text)
    vocab = vocabulary(tokens)
    assert_equal(kata.SimpleTokenizerV1(vocab).encode(text), [vocab[t] for t in tokens])


@given(
    unknown=st.sampled_from(["Hello", "TEA", "teas", "!"]),
    text=st.sampled_from(["{}", "tea, {}", "{} tea", "tea,{},"]),
)
@example(unknown="Hello", text="{}, tea")
@example(unknown="TEA", text="tea {}")
def test_an_unknown_token_is_refused_by_name(kata, unknown, text):
    tokenizer = kata.SimpleTokenizerV1(vocabulary(["tea", ","]))
    with assert_raises(KeyError, mentions=unknown):
        tokenizer.encode(text.format(unknown))


@given(known=st.lists(st.sampled_from([0, 1])), unknown=st.sampled_from([-1, -2, 2, 5077]))
@example(known=[0], unknown=5077)
@example(known=[0], unknown=-1)
def test_an_unknown_id_is_refused_by_number(kata, known, unknown):
    tokenizer = kata.SimpleTokenizerV1(vocabulary(["tea", "you"]))
    with assert_raises(KeyError, mentions=str(unknown)):
        tokenizer.decode([*known, unknown])


@given(words=st.lists(words, max_size=5))
@example(words=["you", "know;", "tea"])
@example(words=["tea", "--", "tea"])
@example(words=["_", "tea", "_"])
def test_words_are_joined_by_one_space(kata, words):
    vocab = vocabulary(words)
    assert_equal(kata.SimpleTokenizerV1(vocab).decode([vocab[w] for w in words]), " ".join(words))


@given(word=words, mark=st.sampled_from(EIGHT))
@example(word="tea", mark="(")
def test_no_space_is_left_before_a_mark(kata, word, mark):
    text = kata.SimpleTokenizerV1({word: 1, mark: 0}).decode([1, 0, 0])
    assert_equal(text, f"{word}{mark}{mark}")


@given(word=words, mark=st.sampled_from(EIGHT))
@example(word="tea", mark="(")
@example(word="tea", mark="'")
def test_the_space_after_a_mark_stays(kata, word, mark):
    assert_equal(kata.SimpleTokenizerV1({word: 1, mark: 0}).decode([0, 1]), f"{mark} {word}")


@given(tokens=st.lists(st.sampled_from([*VOCAB, "-"]), max_size=6))
@example(tokens=["(", "tea", "--", "_", ")"])
def test_decoded_ids_are_encoded_to_the_same_ids(kata, tokens):
    vocab = vocabulary(tokens)
    tokenizer, ids = kata.SimpleTokenizerV1(vocab), [vocab[t] for t in tokens]
    assert_equal(tokenizer.encode(tokenizer.decode(list(ids))), ids)


def test_any_sequence_of_ids_will_do__and_is_left_alone(kata):
    assert_leaves_alone(kata.SimpleTokenizerV1({"tea": 1, "you": 0}).decode, [1, 0, 1])


def test_any_sequence_of_ids_will_do(kata):
    assert_equal(kata.SimpleTokenizerV1({"tea": 1, "you": 0}).decode((1, 0, 1)), "tea you tea")


def test_any_sequence_of_ids_will_do__a_range(kata):
    assert_equal(kata.SimpleTokenizerV1({"tea": 1, "you": 0}).decode(range(2)), "you tea")


def test_each_tokenizer_has_its_own_vocabulary(kata):
    first = kata.SimpleTokenizerV1({"tea": 1, "you": 0})
    kata.SimpleTokenizerV1({"tea": 0, "you": 1})
    assert_equal(first.encode("tea"), [1])


def test_each_tokenizer_has_its_own_vocabulary__also_on_the_way_back(kata):
    first = kata.SimpleTokenizerV1({"tea": 1, "you": 0})
    kata.SimpleTokenizerV1({"tea": 0, "you": 1})
    assert_equal(first.decode([1]), "tea")


def test_the_vocabulary_is_left_alone(kata):
    assert_leaves_alone(kata.SimpleTokenizerV1, {"tea": 1, "you": 0})


def test_the_vocabulary_is_left_alone__in_use(kata):
    vocab = {"tea": 1, "you": 0}
    tokenizer = kata.SimpleTokenizerV1(vocab)
    tokenizer.decode(tokenizer.encode("you tea"))
    with assert_raises(KeyError):
        tokenizer.encode("Hello")
    assert_holds(vocab == {"tea": 1, "you": 0}, f"left the vocabulary as {vocab}")


@settings(max_examples=50)
@given(text=texts)
@example(text="")
@example(text="tea\u2003a\x85A\x1cyou")
def test_it_agrees_with_the_definition(kata, text):
    assert_equal(kata.SimpleTokenizerV1(dict(VOCAB)).encode(text), [VOCAB[t] for t in cut(text)])


@settings(max_examples=50)
@given(ids=ids)
@example(ids=[])
@example(ids=[VOCAB[t] for t in (",", "tea", ".", "you")])
def test_it_agrees_with_the_definition__of_decode(kata, ids):
    assert_equal(kata.SimpleTokenizerV1(dict(VOCAB)).decode(ids), decoded(ids))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__for_the_whole_story(kata, verdict):
    types = sorted(set(cut(verdict)))
    vocab = {token: number for number, token in enumerate(types)}
    tokenizer = kata.SimpleTokenizerV1(vocab)
    ids = tokenizer.encode(verdict)
    assert_holds(len(ids) == 4649, f"gave {len(ids):,} ids, not 4,649", ids)
    assert_equal(tokenizer.decode(ids), decoded(ids, vocab))
    assert_equal(tokenizer.encode(tokenizer.decode(ids)), ids)
