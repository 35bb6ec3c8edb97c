"""spec/text/encode_stream.md, clause by clause."""

import tracemalloc
from itertools import pairwise

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds

END = "<|endoftext|>"
PIECE = r"<\|endoftext\|>|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
words = ["a", " the", "'ll", "'", "!", "é", "e\u0301", "12", "|>", "\u200b", END]
white = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\x1c", "\x1f"]
parts = st.sampled_from(words + white)
texts = st.lists(parts, max_size=7).map("".join)


def lengths(text):
    """Encode every piece by its length, so that the ids show where a text was cut."""
    return [len(piece) for piece in regex.findall(PIECE, text)]


class Source:
    """Hands out chunks one at a time, and counts them."""

    def __init__(self, chunks):
        self.chunks, self.read = chunks, 0

    def __iter__(self):
        for chunk in self.chunks:
            self.read += 1
            yield chunk


def cut(text, places):
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def by_chunks(kata, chunks, encode=lengths):
    """Return the ids of a stream, and those of the whole text."""
    return list(kata.encode_stream(encode, chunks)), encode("".join(chunks))


def characters(text):
    """Encode every character by its number, so that the ids show whether a text was changed."""
    return [ord(character) for character in text]


def test_words_that_lie_across_chunks_stay_whole(kata):
    for chunks in [
        ["toke", "nize"],
        ["I", "'", "ll go"],
        [" ", "go now"],
        ["go to", "day ", "now"],
        ["one", "two"],
        ["x"] * 2000,
        ["x" * 70_000, "x"],
    ]:
        assert_equal(*by_chunks(kata, chunks))


def test_white_space_that_lies_across_chunks_stays_whole(kata):
    for chunks in [
        ["a\n", "\n", "\n", "b"],
        ["a ", " b"],
        ["a  ", "b"],
        ["a", "  ", "b"],
        ["def f():\n", "    x"],
        ["a \n", " \n b"],
        [" ", " ", " a b"],
        ["!", "\x1c", " a b"],
    ]:
        assert_equal(*by_chunks(kata, chunks))


@given(places=st.lists(st.integers(0, 40), max_size=3))
@example(places=[3, 9])
def test_a_special_token_that_lies_across_chunks_is_one_id(kata, places):
    assert_equal(*by_chunks(kata, cut(f"a b{END}{END} c", places)))


def test_the_end_is_not_lost(kata):
    for chunks in [["one"], ["one two"], ["one "], ["a b\n"], [" "]]:
        assert_equal(*by_chunks(kata, chunks))


def test_empty_chunks_make_no_difference(kata):
    for chunks in [[], [""], ["", "a", "", " b", ""], ["a", "", "b c"], ["a ", "", " b"]]:
        assert_equal(*by_chunks(kata, chunks))


def test_nothing_is_read_before_the_first_id_is_asked_for(kata):
    source = Source(["one two"] * 3)
    ids = kata.encode_stream(lengths, source)
    assert_holds(source.read == 0, f"read {source.read} chunks before an id was asked for")
    assert_equal(next(iter(ids)), 3)


def test_nothing_is_read_before_the_first_id_is_asked_for__and_none_is_given_twice(kata):
    ids = kata.encode_stream(lengths, ["one two", " three"])
    assert_equal([next(iter(ids)), next(iter(ids))], [3, 4])


def test_ids_come_before_the_text_has_ended(kata):
    for word in (" word", "\tword", "\nword", "\u3000word", " w,"):
        source, pieces = Source([word] * 40), len(lengths(2 * word)) // 2
        ids = iter(kata.encode_stream(lengths, source))
        for place in range(30):
            next(ids)
            needed = place // pieces + 2
            says = f"read {source.read} chunks to give id {place}, which needs {needed}"
            assert_holds(source.read <= needed + 1, says)


def test_memory_does_not_grow_with_the_text(kata):
    def peak(chunks):
        text = (
            f" and on it goes {n:04}" * 8 for n in range(chunks)
        )  # no two chunks are one object
        ids = kata.encode_stream(lengths, Source(text))
        tracemalloc.start()
        for _ in ids:
            pass
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    peak(3)
    small, large = peak(10)[0], peak(100)[0]
    says = f"used {(large - small) / 1000:,.0f} kB more for ten times the text"
    assert_holds(large - small < 20_000, says)


@settings(max_examples=50)
@given(text=texts, places=st.lists(st.integers(0, 40), max_size=6))
@example(text="a\n\n\nb", places=[2, 3, 4])
@example(text="a  b", places=[2])
@example(text="a\u00a0  b", places=[2, 3])
@example(text="a!\x1fb", places=[3])
@example(text="a!\u200bb", places=[3])
@example(text="a\r\n\r\nb", places=[3])
@example(text="a|>! b", places=[3])
@example(text="a。」b", places=[2])
def test_it_agrees_with_the_definition(kata, text, places):
    assert_equal(*by_chunks(kata, cut(text, places)))


def test_it_agrees_with_the_definition__of_chunks_that_come_once(kata):
    ids = list(kata.encode_stream(lengths, iter(["a", " b", " c"])))
    assert_equal(ids, lengths("a b c"))


def test_it_agrees_with_the_definition__and_changes_no_character(kata):
    for chunks in (["\ufeffa\r", "\nb\rc"], ["e\u0301 a\0b", " c "]):
        assert_equal(*by_chunks(kata, chunks, characters))


@settings(max_examples=50)
@given(text=texts)
def test_it_agrees_with_the_definition__one_character_at_a_time(kata, text):
    assert_equal(*by_chunks(kata, list(text)))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__for_gpt2(kata, gpt2):
    ids = list(kata.encode_stream(gpt2.encode, ["a\n", "\n", "\n", "b"]))
    assert_equal(ids, [64, 628, 198, 65])


def test_the_printed_values_hold__for_the_whole_story(kata, gpt2, verdict):
    lines = verdict.splitlines(keepends=True)
    ids = list(kata.encode_stream(gpt2.encode, lines))
    assert_equal(ids, gpt2.encode(verdict))
