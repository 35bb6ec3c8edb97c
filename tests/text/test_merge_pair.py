"""spec/text/merge_pair.md, clause by clause."""

from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_leaves_alone

A, B = b"a", b"b"
symbols = st.sampled_from([A, B, b"ab", b"ba", b"aa", b"\xc3"])
pairs = st.tuples(symbols, symbols)
some_words = st.lists(st.sampled_from([A, B, b"ab", b"aa"]), max_size=7).map(tuple)
texts = st.dictionaries(some_words, st.integers(1, 5), max_size=4)


def counted(words):
    """Look at every place of every word, as often as the word occurs."""
    text = [word for word, times in words.items() for _ in range(times)]
    return Counter(word[i : i + 2] for word in text for i in range(len(word) - 1))


def merged(word, pair):
    """Merge the first place, then what follows it."""
    first = next((i for i in range(len(word)) if word[i : i + 2] == pair), None)
    if first is None:
        return word
    return (*word[:first], b"".join(pair), *merged(word[first + 2 :], pair))


@given(word=some_words)
@example(word=(A, A, A))
@example(word=(A, B, A, B))
@example(word=(A,))
@example(word=())
def test_every_place_in_a_word_counts(kata, word):
    counts = kata.count_pairs({word: 1})
    total, places = sum(counts.values()), max(len(word) - 1, 0)
    assert_holds(total == places, f"gave {total} in all, not {places}", counts)


@given(words=st.dictionaries(symbols.map(lambda s: (s,)), st.integers(1, 5), max_size=4))
@example(words={(A,): 2, (B,): 1})
def test_a_pair_lies_inside_one_word(kata, words):
    assert_equal(kata.count_pairs(words), Counter())


@given(p=symbols, q=symbols)
@example(p=A, q=b"ba")
@example(p=b"ab", q=A)
def test_a_pair_is_two_symbols_in_order(kata, p, q):
    assert_equal(kata.count_pairs({(p, q): 1}), Counter({(p, q): 1}))


@given(times=st.integers(1, 9))
@example(times=3)
def test_a_word_counts_as_often_as_it_occurs(kata, times):
    assert_equal(kata.count_pairs({(A, B): times}), Counter({(A, B): times}))


@given(a=texts, b=texts)
@example(a={(A, B): 3}, b={(B, A, B): 2})
def test_counts_add_up_over_words(kata, a, b):
    together = {word: a.get(word, 0) + b.get(word, 0) for word in {**a, **b}}
    assert_equal(kata.count_pairs(together), counted(a) + counted(b))


def test_a_pair_that_never_occurs_is_not_in_the_counter(kata):
    counts = kata.count_pairs({(A, B): 0, (B, A): 1})
    assert_equal(dict(counts), {(B, A): 1})


def test_a_pair_that_never_occurs_is_not_in_the_counter__and_reads_as_0(kata):
    counts = kata.count_pairs({(A, B): 1})
    kind = type(counts).__name__
    assert_holds(isinstance(counts, Counter), f"returned a {kind}, not a Counter", counts)


@given(word=some_words, pair=pairs)
@example(word=(A, B), pair=(A, B))
@example(word=(A, A, A), pair=(A, A))
@example(word=(A, B, B), pair=(A, B))
def test_merging_loses_no_byte(kata, word, pair):
    result = kata.merge_pair(word, pair)
    assert_equal(result, tuple(result))
    kept = b"".join(result) == b"".join(word)
    assert_holds(kept, f"returned {result}, which does not spell {b''.join(word)}", result)


@given(word=some_words, pair=pairs)
@example(word=(A, B, A, B), pair=(A, B))
@example(word=(B, A, B), pair=(A, B))
def test_the_pair_is_gone_after_merging(kata, word, pair):
    result = kata.merge_pair(word, pair)
    left = any(result[i : i + 2] == pair for i in range(len(result)))
    assert_holds(not left, f"returned {result}, in which the pair still stands", result)


@given(length=st.integers(0, 7), symbol=symbols)
@example(length=3, symbol=A)
@example(length=5, symbol=A)
def test_merging_goes_from_left_to_right(kata, length, symbol):
    expected = (2 * symbol,) * (length // 2) + (symbol,) * (length % 2)
    assert_equal(kata.merge_pair((symbol,) * length, (symbol, symbol)), expected)


@given(before=symbols, after=symbols)
@example(before=B, after=B)
def test_symbols_are_compared_whole(kata, before, after):
    word = (before + A, B, A, B + after)
    assert_equal(kata.merge_pair(word, (A, B)), word)


def test_symbols_are_compared_whole__and_not_by_what_they_spell(kata):
    assert_equal(kata.merge_pair((A, b"bc"), (b"ab", b"c")), (A, b"bc"))
    assert_equal(kata.merge_pair((B, A), (A, B)), (B, A))


def test_the_words_are_left_alone(kata):
    assert_leaves_alone(kata.count_pairs, {(A, B): 2, (B, A, A): 1})


@settings(max_examples=50)
@given(words=texts)
def test_it_agrees_with_the_definition(kata, words):
    assert_equal(kata.count_pairs(words), counted(words))


@settings(max_examples=50)
@given(word=some_words, pair=pairs)
@example(word=(A, B, A, A, B), pair=(A, B))
@example(word=(B, A, A, A, B), pair=(A, A))
@example(word=(A, b"ab", B), pair=(A, B))
def test_it_agrees_with_the_definition__when_merging(kata, word, pair):
    assert_equal(kata.merge_pair(word, pair), merged(word, pair))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
