"""spec/text/train_bpe.md, clause by clause."""

from collections import Counter
from itertools import pairwise

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
END, ENDS = "<|e|>", "<|e|>b"
texts = st.text("ab \n'é", max_size=20)
marked = st.lists(st.sampled_from(["a", "b", "ab", " ", "<", "e", END, ENDS]), max_size=12).map(
    "".join
)
numbers = st.integers(0, 12)
SENNRICH = "low " * 5 + "lower " * 2 + "widest " * 3 + "newest " * 6


def gpt2(text):
    """Cut as GPT-2 does."""
    return regex.findall(GPT2, text)


def whole(text):
    """Cut nowhere."""
    return [text] if text else []


def between_spaces(text):
    """Cut at white space, which is lost."""
    return text.split()


pretokenizers = st.sampled_from([gpt2, whole, between_spaces])


def documents(text, specials):
    """Read on to the next special token, the longest that stands there."""
    found, rest = [""], text
    while rest:
        special = max((s for s in specials if rest.startswith(s)), key=len, default="")
        found = [*found, ""] if special else [*found[:-1], found[-1] + rest[0]]
        rest = rest[len(special or rest[0]) :]
    return found


def merged(word, pair):
    """Join a pair in a word, from left to right."""
    if len(word) < 2:
        return word
    if word[:2] == pair:
        return (pair[0] + pair[1], *merged(word[2:], pair))
    return (word[0], *merged(word[1:], pair))


def count_pairs(words):
    """Count every place, in every word."""
    return Counter(pair for word in words for pair in pairwise(word))


def top(counts):
    """Return the most frequent pair, and of several the greatest."""
    return max((count, pair) for pair, count in counts.items())[1]


def replay(pieces, merges):
    """Yield each merge with the counts of all pairs at its time."""
    words = [tuple(bytes([b]) for b in piece.encode()) for piece in pieces]
    for pair in merges:
        counts = count_pairs(words)
        assert_holds(pair in counts, f"merged {pair}, which by then stands nowhere", merges)
        yield pair, counts
        words = [merged(word, pair) for word in words]


def by_the_definition(text, vocab_size, specials=(), pretokenize=gpt2):
    """Count everything anew before every merge."""
    pieces = [p for document in documents(text, specials) for p in pretokenize(document)]
    words = [tuple(bytes([b]) for b in piece.encode()) for piece in pieces]
    merges = []
    while (counts := count_pairs(words)) and len(merges) < vocab_size - 256 - len(specials):
        merges.append(top(counts))
        words = [merged(word, merges[-1]) for word in words]
    tokens = [bytes([b]) for b in range(256)] + [a + b for a, b in merges]
    return dict(enumerate([*tokens, *(s.encode() for s in specials)])), merges


def merges_of(kata, text, n, pretokenize=whole):
    """Ask for `n` merges."""
    return kata.train_bpe(text, 256 + n, pretokenize=pretokenize)[1]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@settings(max_examples=50)
@given(text=texts, n=numbers, pretokenize=pretokenizers)
@example(text="", n=1, pretokenize=gpt2)
@example(text="it's Ünïcödé, 漢字 🙃\r\n\tit's", n=40, pretokenize=gpt2)
@example(text=SENNRICH, n=12, pretokenize=gpt2)
def test_it_agrees_with_the_definition(kata, text, n, pretokenize):
    found = kata.train_bpe(text, 256 + n, pretokenize=pretokenize)
    assert_equal(found, by_the_definition(text, 256 + n, (), pretokenize))


@settings(max_examples=50)
@given(text=texts, n=numbers)
def test_it_agrees_with_the_definition__by_default_with_gpt2s_pretokenizer(kata, text, n):
    assert_equal(kata.train_bpe(text, 256 + n), by_the_definition(text, 256 + n))


@given(text=texts, n=numbers)
@example(text="abab", n=2)
def test_a_merge_joins_two_tokens_that_are_there_already(kata, text, n):
    vocab, merges = kata.train_bpe(text, 256 + n)
    known = [bytes([b]) for b in range(256)]
    for left, right in merges:
        strange = [part for part in (left, right) if part not in known]
        assert_holds(not strange, f"merged {strange[:1]}, which is no token yet", merges)
        assert_holds(left + right not in known, f"made {left + right} a second time", merges)
        known.append(left + right)
    assert_equal(vocab, dict(enumerate(known)))


@given(text=st.text("ab -", max_size=14), pretokenize=pretokenizers)
@example(text="ab ab ab", pretokenize=gpt2)
@example(text="ab-ab-ab", pretokenize=between_spaces)
def test_no_merge_crosses_a_cut_of_the_pre_tokenizer(kata, text, pretokenize):
    pieces = [piece.encode() for piece in pretokenize(text)]
    for left, right in merges_of(kata, text, 8, pretokenize):
        inside = any(left + right in piece for piece in pieces)
        assert_holds(inside, f"merged {left} and {right}, which share no piece of {pieces}")


@given(text=texts)
@example(text="ab ab ab ac ad ac")
@example(text="aaaa xy xy")
def test_a_pair_counts_wherever_it_stands_in_the_text(kata, text):
    for pair, counts in replay(text.split(), merges_of(kata, text, 1, between_spaces)):
        says = f"merged {pair}, whose count is {counts[pair]}; that of {top(counts)} is higher"
        assert_holds(counts[pair] == max(counts.values()), says)


@given(text=st.text("abc", max_size=14))
@example(text="abcbcbc")
@example(text="aaaaaba")
def test_a_merge_changes_the_counts_of_its_neighbours(kata, text):
    for pair, counts in replay(whole(text), merges_of(kata, text, 6)):
        says = f"merged {pair}, whose count is then {counts[pair]}; that of {top(counts)} is higher"
        assert_holds(counts[pair] == max(counts.values()), says)


@given(text=st.text("abA \n", max_size=8))
@example(text="ba ab")
@example(text="ab ac")
@example(text="aaab")
@example(text=" ab")
def test_of_pairs_equally_frequent_the_greatest_is_merged(kata, text):
    for pair, counts in replay(whole(text), merges_of(kata, text, 3)):
        says = f"merged {pair}, though {top(counts)} is as frequent, and greater"
        assert_holds(pair == top(counts), says)


@given(text=marked)
@example(text="ab<|e|>ab<|e|>a")
@example(text="ab<|e|>ab<|e|>ac<|e|>ad")
def test_a_special_token_is_not_learned_from(kata, text):
    _, merges = kata.train_bpe(text, 300, [END, ENDS], whole)
    assert_equal(merges, by_the_definition(text, 300, [END, ENDS], whole)[1])


@given(text=texts, n=numbers, specials=st.sampled_from([[], [END], [END, ENDS]]))
@example(text="abc", n=0, specials=[])
@example(text="abc", n=1, specials=[END])
def test_the_vocabulary_is_never_larger_than_asked_for(kata, text, n, specials):
    room = 256 + n + len(specials)
    vocab, merges = kata.train_bpe(text, room, specials)
    assert_holds(len(vocab) <= room, f"returned {len(vocab)} tokens", vocab)
    assert_equal(len(vocab), 256 + len(merges) + len(specials))


@given(text=texts, specials=st.permutations([END, ENDS, "<|long one|>", "é"]))
def test_special_tokens_come_last_and_in_the_order_given(kata, text, specials):
    vocab, merges = kata.train_bpe(text, 270, specials)
    last = {256 + len(merges) + i: special.encode() for i, special in enumerate(specials)}
    assert_equal({i: token for i, token in vocab.items() if i >= 256 + len(merges)}, last)


def test_special_tokens_come_last_and_in_the_order_given__and_stay_so(kata):
    assert_leaves_alone(kata.train_bpe, "a<|e|>b", 260, [END, ENDS, "<|long one|>"])


@given(parts=st.lists(texts, min_size=1, max_size=4), times=st.integers(1, 3), n=numbers)
@example(parts=["ab", "ba", "a b"], times=2, n=5)
def test_only_the_counts_matter(kata, parts, times, n):
    there = kata.train_bpe(END.join(parts), 257 + n, [END])
    back = kata.train_bpe(END.join(parts[::-1] * times), 257 + n, [END])
    assert_equal(back, there)


@given(text=texts, n=numbers, more=st.integers(0, 6))
@example(text="abab", n=0, more=2)
def test_longer_training_begins_like_shorter(kata, text, n, more):
    longer = merges_of(kata, text, n + more)
    assert_equal(merges_of(kata, text, n), longer[:n])


@given(text=texts)
@example(text="ab")
@example(text="aaa")
@example(text="")
def test_training_stops_when_nothing_is_left_to_merge(kata, text):
    vocab, merges = kata.train_bpe(text, 400, pretokenize=between_spaces)
    assert_equal(merges, by_the_definition(text, 400, (), between_spaces)[1])
    assert_equal(len(vocab), 256 + len(merges))


@given(text=marked, n=numbers)
@example(text="ab<|e|>ab ab", n=3)
def test_the_text_is_cut_only_once(kata, text, n):
    given_to = []

    def pretokenize(document):
        given_to.append(document)
        return gpt2(document)

    kata.train_bpe(text, 258 + n, [END, ENDS], pretokenize)
    once, often = (sum(map(len, read)) for read in (documents(text, [END, ENDS]), given_to))
    says = f"pre-tokenized {often} characters in all, though only {once} are to be read"
    assert_holds(often == once, says)


@given(few=st.integers(-3, 255), specials=st.sampled_from([[], [END], [END, ENDS]]))
@example(few=255, specials=[END, ENDS])
def test_a_vocabulary_too_small_is_refused(kata, few, specials):
    with assert_raises(ValueError):
        kata.train_bpe("a low low", few + len(specials), specials)


def test_the_work_is_your_own(kata, shortcuts):
    assert_own_work(shortcuts)
