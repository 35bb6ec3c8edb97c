"""spec/text/bpe_tokenizer.md, clause by clause."""

from itertools import pairwise

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_own_work,
    assert_raises,
)

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BYTES = [bytes([b]) for b in range(256)]
END, ENDS, STAR = "<|e|>", "<|e|>b", "<|+*|>"
HARD = [
    "it's the lower, the wider; they'll STAND'D 3,14 times:\tindented\r\n\r\n   and    left   ",
    "Straße, naïve café, e\u0301 and \u0301, Ελληνικά, Кириллица, 日本語テキスト, עִבְרִית, العربية",
    "\N{WOMAN}\u200d\N{PERSONAL COMPUTER} \N{FAMILY}\ufe0f \N{UPSIDE-DOWN FACE}\u200d\u2028\xa0",
    "<|endoftext|><|endoftext|> <|endoftext|>\n\n<|endoftext|>a <|endoftext> <|endoftext|",
    "def __init__(self, x_1):\n        return x_1 ** ½ + 10²  # _Ⅷ ٣\n\n\n \x1c \x85a",
    "a" * 2000,
]
ABC = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")]

texts = st.text("ab 'é\n", max_size=12)
unicode = st.text(st.characters(codec="utf-8"), max_size=8)
marked = st.lists(st.sampled_from(["a", "b", " ", "\n", "<", END, ENDS, STAR]), max_size=8).map(
    "".join
)


@st.composite
def merge_lists(draw):
    """Draw pairs of tokens that are there, and of each make a token."""
    tokens, merges = [b"a", b"b", b" ", b"'", b"\xc3", b"\xa9"], []
    for _ in range(draw(st.integers(0, 7))):
        pair = (draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens)))
        if b"".join(pair) not in tokens:
            merges.append(pair)
            tokens.append(b"".join(pair))
    return merges


def vocabulary(merges, backwards=True):
    """Number the bytes and what the merges make: backwards and with gaps, or in order."""
    tokens = BYTES + [a + b for a, b in merges]
    return {1000 - 3 * i if backwards else i: token for i, token in enumerate(tokens)}


def merged(word, pair):
    """Join a pair in a word, from left to right."""
    if len(word) < 2:
        return word
    if word[:2] == pair:
        return (pair[0] + pair[1], *merged(word[2:], pair))
    return (word[0], *merged(word[1:], pair))


def spelled(word, merges):
    """Try every merge, one after the other."""
    tokens = tuple(bytes([b]) for b in word.encode())
    for pair in merges:
        tokens = merged(tokens, pair)
    return tokens


def by_the_definition(text, vocab, merges):
    """Spell every word by itself."""
    ids = {token: i for i, token in vocab.items()}
    return [ids[t] for word in regex.findall(GPT2, text) for t in spelled(word, merges)]


def with_specials(text, vocab, merges, specials):
    """Take out the special tokens first, at each place the longest that stands there."""
    ids, run, rest = [], "", text
    while rest:
        special = max((s for s in specials if rest.startswith(s)), key=len, default="")
        if special:
            ids, run = [*ids, *by_the_definition(run, vocab, merges), specials[special]], ""
        run += "" if special else rest[0]
        rest = rest[len(special) or 1 :]
    return ids + by_the_definition(run, vocab, merges)


def bytes_of(ids, vocab):
    return [vocab.get(i) for i in ids]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__for_the_whole_story(kata, gpt2_files, verdict):
    ids = kata.BPETokenizer(*gpt2_files, ["<|endoftext|>"]).encode(verdict)
    assert_equal((len(ids), ids[50:55]), (5145, [290, 4920, 2241, 287, 257]))


@settings(max_examples=50)
@given(text=texts, merges=merge_lists())
@example(text="abcabc aab", merges=ABC)
@example(text="", merges=[])
def test_it_agrees_with_the_definition(kata, text, merges):
    vocab = vocabulary(merges)
    expected = by_the_definition(text, vocab, merges)
    assert_equal(kata.BPETokenizer(vocab, merges).encode(text), expected)


@given(text=st.text("abc", max_size=8))
@example(text="abc")
@example(text="aaa")
def test_the_earliest_merge_goes_first(kata, text):
    merges = [*ABC, (b"a", b"a"), (b"aa", b"bc")]
    vocab = vocabulary(merges, backwards=False)
    found = bytes_of(kata.BPETokenizer(vocab, merges).encode(text), vocab)
    assert_equal(found, list(spelled(text, merges)))


@given(text=st.text("ab", max_size=10), merges=merge_lists())
@example(text="abab", merges=[(b"a", b"b"), (b"ab", b"ab")])
def test_no_merge_is_left_undone(kata, text, merges):
    vocab = vocabulary(merges, backwards=False)
    found = bytes_of(kata.BPETokenizer(vocab, merges).encode(text), vocab)
    left = [pair for pair in pairwise(found) if pair in merges]
    assert_holds(not left, f"returned the ids of {found}, where {left[:1]} still fits")


@given(text=st.text("abc", max_size=8))
@example(text="abc")
def test_the_order_of_the_merges_decides_and_not_the_ids(kata, text):
    vocab = vocabulary(ABC)
    found = bytes_of(kata.BPETokenizer(vocab, ABC).encode(text), vocab)
    assert_equal(found, list(spelled(text, ABC)))


@given(text=texts, merges=merge_lists())
@example(text="a a", merges=[(b"a", b" "), (b" ", b"a")])
def test_a_word_is_spelled_by_itself(kata, text, merges):
    tokenizer = kata.BPETokenizer(vocabulary(merges), merges)
    words = regex.findall(GPT2, text)
    one_by_one = [i for word in words for i in tokenizer.encode(word)]
    assert_equal(tokenizer.encode(text), one_by_one)


@given(text=unicode | texts | marked, merges=merge_lists())
@example(text="naïve 漢字 🙃\r\n", merges=[])
@example(text="a<|e|>", merges=[])
@example(text="a <|e|> a", merges=[])
def test_what_was_encoded_can_be_decoded(kata, text, merges):
    tokenizer = kata.BPETokenizer(vocabulary(merges), merges, [END, ENDS])
    assert_equal(tokenizer.decode(tokenizer.encode(text)), text)


@given(data=st.lists(st.sampled_from(list("aé🙃€".encode())) | st.integers(0, 255), max_size=8))
@example(data=list("é🙃".encode()))
@example(data=[0xC3, 0x61, 0xFF])
def test_any_ids_can_be_decoded(kata, data):
    tokenizer = kata.BPETokenizer(dict(enumerate(BYTES)), [])
    assert_equal(tokenizer.decode(tuple(data)), bytes(data).decode("utf-8", errors="replace"))


@given(before=st.lists(st.integers(0, 255), max_size=2), unknown=st.sampled_from([257, 9999, -1]))
def test_an_unknown_id_is_refused(kata, before, unknown):
    tokenizer = kata.BPETokenizer(dict(enumerate(BYTES)), [], [END])
    with assert_raises(KeyError):
        tokenizer.decode([*before, unknown])


@given(text=marked, merges=merge_lists())
@example(text="a<|e|>b<|e|>", merges=[])
@example(text="<|e|><|e|>", merges=[])
@example(text="\n\n<|e|> a", merges=[(b"\n", b"\n"), (b" ", b"a")])
@example(text="a<|+*|>", merges=[])
def test_a_special_token_is_one_id(kata, text, merges):
    vocab, specials = vocabulary(merges), {END: 1001, ENDS: 1002, STAR: 1003}
    tokenizer = kata.BPETokenizer(vocab, merges, list(specials))
    assert_equal(tokenizer.encode(text), with_specials(text, vocab, merges, specials))


@given(text=marked, allowed=st.sets(st.sampled_from([END, ENDS, STAR, "a"])))
@example(text="a<|e|>b", allowed={END})
def test_a_special_not_allowed_is_ordinary_text(kata, text, allowed):
    vocab, specials = vocabulary(ABC), {END: 1001, ENDS: 1002, STAR: 1003}
    tokenizer = kata.BPETokenizer(vocab, ABC, list(specials))
    expected = with_specials(text, vocab, ABC, {s: specials[s] for s in specials if s in allowed})
    assert_equal(tokenizer.encode(text, allowed_special=allowed), expected)


@given(specials=st.permutations([END, ENDS, STAR, "<|x|>"]))
def test_a_new_special_token_gets_the_next_free_id(kata, specials):
    vocab = vocabulary(ABC) | {5: END.encode()}
    new = [special for special in specials if special != END]
    ids = {END: 5} | {special: 1001 + i for i, special in enumerate(new)}
    tokenizer = kata.BPETokenizer(vocab, ABC, specials)
    assert_equal([tokenizer.encode(special) for special in ids], [[i] for i in ids.values()])
    assert_equal([tokenizer.decode([i]) for i in ids.values()], list(ids))


def test_vocabulary_and_merges_are_left_alone(kata):
    vocab, merges, specials = vocabulary(ABC), list(ABC), [END, ENDS, STAR]
    kata.BPETokenizer(vocab, merges, specials).encode("abc<|e|>")
    more = f"left a vocabulary of {len(vocab)} tokens, and was given 259"
    assert_holds(vocab == vocabulary(ABC), more)
    assert_equal((merges, specials), (ABC, [END, ENDS, STAR]))


@given(text=st.text("abc", min_size=1, max_size=6))
@example(text="abc")
def test_what_was_encoded_before_does_not_matter(kata, text):
    vocab = vocabulary(ABC)
    kata.BPETokenizer(vocab, []).encode(text)
    tokenizer = kata.BPETokenizer(vocab, ABC)
    tokenizer.encode(text).append(7)
    assert_equal(tokenizer.encode(text), by_the_definition(text, vocab, ABC))


def test_what_was_encoded_before_does_not_matter__whatever_was_allowed(kata):
    tokenizer = kata.BPETokenizer(vocabulary(ABC), ABC, [END])
    tokenizer.encode("<|e|>", allowed_special=[])
    assert_equal(len(tokenizer.encode("<|e|>")), 1)


@given(before=texts, half=st.integers(0xD800, 0xDFFF), after=texts)
@example(before="a", half=0xD83D, after="")
def test_a_lone_surrogate_is_refused(kata, before, half, after):
    tokenizer = kata.BPETokenizer(vocabulary(ABC), ABC)
    with assert_raises(ValueError):
        tokenizer.encode(before + chr(half) + after)


def test_it_agrees_with_gpt_2(kata, gpt2, gpt2_files):
    tokenizer = kata.BPETokenizer(*gpt2_files, ["<|endoftext|>"])
    for text in HARD:
        assert_equal(tokenizer.encode(text), gpt2.encode(text, allowed_special="all"))


def test_it_agrees_with_gpt_2__on_any_text(kata, gpt2, gpt2_files):
    tokenizer = kata.BPETokenizer(*gpt2_files, ["<|endoftext|>"])

    @given(text=unicode | st.text("aehrst .'\n\u0301\u200d\u05d0", max_size=30))
    def check(text):
        assert_equal(tokenizer.encode(text), gpt2.encode(text, allowed_special="all"))

    check()


def test_the_work_is_your_own(kata, shortcuts):
    assert_own_work(shortcuts)
