"""spec/text/simple_tokenizer_v2.md, clause by clause."""

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

VOCAB = {"<|unk|>": 7, "<|endoftext|>": 8, "tea": 3, "!": 0, "a": 6}
UNKNOWN = ["Hello", "Tea", "teas", "?", "é"]
ODD = ["tea;", "<", "|", "<tea>", "<|a|>", "a<|endoftext|>", "<|endoftext|>", "<|unk|>"]

gaps = st.sampled_from([" ", "  ", "\n", "!", "--"])


def texts_of(words):
    """Draw texts of these words, with white space or separators between them."""
    word = st.sampled_from(words)
    return st.lists(st.tuples(word, gaps).map("".join), min_size=1, max_size=4).map("".join)


known_texts = texts_of(["tea", "a", "!"])
simple_texts = texts_of(["tea", "a", "!", *UNKNOWN])
texts = texts_of(["tea", "a", "!", *UNKNOWN, *ODD])
ids = st.lists(st.sampled_from(list(VOCAB.values())), max_size=6)

BOTH = "Hello, do you like tea? <|endoftext|> In the sunlit terraces of the palace."
BOTH_IDS = [1160, 5, 362, 1155, 642, 1000, 10, 1159, 57, 1013, 981, 1009, 738, 1013, 1160, 7]


def cut(text):
    """Find the tokens, colons and markers among the words."""
    return re.findall(r"""--|[,.?_!"()']|(?:(?!--)[^,.?_!"()'\s])+""", text)


def encoded(text, vocab=VOCAB):
    return [vocab[token if token in vocab else "<|unk|>"] for token in cut(text)]


def decoded(ids):
    """Write word after word, each with a space before it unless it is a mark."""
    tokens = {number: token for token, number in VOCAB.items()}
    text = ""
    for token in (tokens[number] for number in ids):
        text += token if not text or token == "!" else f" {token}"
    return text


@given(token=st.sampled_from(UNKNOWN))
@example(token="Hello")
@example(token="Tea")
def test_an_unknown_token_becomes_the_unknown_id(kata, token):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).encode(token), [7])


def test_an_unknown_token_becomes_the_unknown_id__of_its_own_tokenizer(kata):
    first = kata.SimpleTokenizerV2({"<|unk|>": 2, "<|endoftext|>": 1})
    kata.SimpleTokenizerV2({"<|unk|>": 1, "<|endoftext|>": 2})
    assert_equal(first.encode("Hello"), [2])


@given(text=simple_texts)
@example(text="tea Hello tea!")
@example(text="Hello Hello tea")
def test_an_unknown_token_leaves_the_others_alone(kata, text):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).encode(text), encoded(text))


@given(text=known_texts)
@example(text="tea; a Tea")
def test_known_text_is_encoded_as_in_version_1(kata, text):
    vocab = {"tea;": 1, "tea": 3, ";": 4, "Tea": 2, "--": 5} | VOCAB
    assert_equal(kata.SimpleTokenizerV2(vocab).encode(text), [vocab[t] for t in cut(text)])


@given(documents=st.lists(known_texts, min_size=1, max_size=3))
@example(documents=["tea", "a tea!"])
@example(documents=["", ""])
def test_an_end_of_text_becomes_one_id(kata, documents):
    tokenizer = kata.SimpleTokenizerV2(dict(VOCAB))
    expected = [number for document in documents for number in (*encoded(document), 8)][:-1]
    assert_equal(tokenizer.encode(" <|endoftext|> ".join(documents)), expected)


@given(
    marker=st.sampled_from(["<|endoftext|>", "<|unk|>"]),
    word=st.sampled_from(["tea", "a", "Hello"]),
)
@example(marker="<|endoftext|>", word="tea")
def test_a_marker_inside_a_word_does_not_count(kata, marker, word):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).encode(f"{word}{marker}{word}"), [7])


def test_a_marker_inside_a_word_does_not_count__but_between_separators(kata):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).encode("!<|endoftext|>!"), [0, 8, 0])


@given(text=st.text(max_size=8))
@example(text="")
@example(text="tea: <tea> <|a|> | _\x00")
def test_every_text_can_be_encoded(kata, text):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).encode(text), encoded(text))


def test_a_vocabulary_without_both_markers_is_refused(kata):
    with assert_raises(ValueError, mentions="<|unk|>"):
        kata.SimpleTokenizerV2({"tea": 0, "<|endoftext|>": 1})


def test_a_vocabulary_without_both_markers_is_refused__the_other_one(kata):
    with assert_raises(ValueError, mentions="<|endoftext|>"):
        kata.SimpleTokenizerV2({"tea": 0, "<|unk|>": 1})


def test_a_vocabulary_without_both_markers_is_refused__naming_each(kata):
    for marker in ("<|unk|>", "<|endoftext|>"):
        with assert_raises(ValueError, mentions=marker):
            kata.SimpleTokenizerV2({"tea": 0})


@given(ids=ids)
@example(ids=[8, 3, 0, 7, 3])
@example(ids=[])
def test_decoding_is_that_of_version_1(kata, ids):
    assert_equal(kata.SimpleTokenizerV2(dict(VOCAB)).decode(tuple(ids)), decoded(ids))


def test_decoding_is_that_of_version_1__with_unknown_ids(kata):
    tokenizer = kata.SimpleTokenizerV2(dict(VOCAB))
    for unknown in (1159, -1):
        with assert_raises(KeyError, mentions=str(unknown)):
            tokenizer.decode([3, unknown])


def test_the_vocabulary_is_left_alone(kata):
    assert_leaves_alone(kata.SimpleTokenizerV2, dict(VOCAB))


def test_the_vocabulary_is_left_alone__in_use(kata):
    vocab = dict(VOCAB)
    tokenizer = kata.SimpleTokenizerV2(vocab)
    tokenizer.encode("tea Hello")
    tokenizer.decode([3, 7])
    assert_holds(vocab == VOCAB, f"left the vocabulary as {vocab}")


@settings(max_examples=50)
@given(text=texts)
@example(text="<|unk|> tea <|endoftext|>")
@example(text="tea\u2003a\x85Hello\x1c!")
def test_it_agrees_with_the_definition(kata, text):
    tokenizer = kata.SimpleTokenizerV2(dict(VOCAB))
    assert_equal(tokenizer.encode(text), encoded(text))
    assert_equal(tokenizer.decode(encoded(text)), decoded(encoded(text)))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__with_the_whole_vocabulary(kata, verdict):
    entries = [*sorted(set(cut(verdict))), "<|endoftext|>", "<|unk|>"]
    tokenizer = kata.SimpleTokenizerV2({token: place for place, token in enumerate(entries)})
    assert_equal(tokenizer.encode(BOTH), BOTH_IDS)
    ids = tokenizer.encode(verdict)
    assert_holds(len(ids) == 4649, f"gave {len(ids):,} ids, not 4,649", ids)
    assert_holds(1160 not in ids, "gave the id of <|unk|> to a word of the story", ids)
