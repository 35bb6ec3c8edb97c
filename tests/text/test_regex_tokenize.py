"""spec/text/regex_tokenize.md, clause by clause."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds
from tests.strategies import PUNCTUATION, marks, prose, words

separators = st.text(".,^]-\\[|*é", max_size=4)


def by_the_definition(text, separators):
    """Read one character at a time."""
    tokens, run, rest = [], "", text
    while rest:
        mark = next((m for m in ("--", *separators) if rest.startswith(m)), None)
        taken = mark or rest[0]
        if (mark or taken.isspace()) and run:
            tokens.append(run)
            run = ""
        if mark:
            tokens.append(mark)
        elif not taken.isspace():
            run += taken
        rest = rest[len(taken) :]
    return tokens + [run] * bool(run)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_printed_values_hold__for_the_whole_story(kata, verdict):
    assert_equal(len(kata.regex_tokenize(verdict)), 4690)


@settings(max_examples=50)
@given(text=prose)
@example(text="")
@example(text="\u2003a\x85b\x1cc")
@example(text="3.14 at 10:30... don't")
@example(text="----b -----")
@example(text="“a—b” e\u0301 b’s")
@example(text="\ufeffa\u200bb\x00c")
def test_it_agrees_with_the_definition(kata, text):
    assert_equal(kata.regex_tokenize(text), by_the_definition(text, PUNCTUATION))


@given(text=prose)
def test_nothing_but_white_space_is_lost(kata, text):
    tokens = kata.regex_tokenize(text)
    lost = "".join(tokens) != "".join(text.split())
    assert_holds(
        not lost, f"returned {tokens}: joined, that is not the text without spaces", tokens
    )


@given(text=prose)
def test_a_token_holds_no_white_space(kata, text):
    tokens = kata.regex_tokenize(text)
    bad = [t for t in tokens if t.split() != [t]]
    assert_holds(
        not bad, f"returned the token {bad[:1]}, which is empty or holds white space", tokens
    )


@given(word=words, mark=st.sampled_from(PUNCTUATION))
@example(word="a", mark="_")
def test_a_separator_stands_alone(kata, word, mark):
    word = word.replace("-", "b")
    assert_equal(kata.regex_tokenize(f"{word}{mark}{mark}{word}"), [word, mark, mark, word])


@given(before=st.sampled_from(["", "a", "Ab", "."]), after=st.sampled_from(["", "a", "Ab", ","]))
def test_two_hyphens_are_one_token(kata, before, after):
    expected = [piece for piece in (before, "--", after) if piece]
    assert_equal(kata.regex_tokenize(f"{before}--{after}"), expected)


def test_two_hyphens_are_one_token__one_is_none(kata):
    assert_equal(kata.regex_tokenize("well-known, a-b"), ["well-known", ",", "a-b"])


@given(text=st.text("a.^]-\\[|* ", max_size=8), separators=separators)
@example(text="a^b]c-d\\e", separators="^]-\\")
@example(text="a, b", separators="")
@example(text="éE 1a2", separators="Éa")
def test_separators_are_taken_literally(kata, text, separators):
    assert_equal(kata.regex_tokenize(text, separators), by_the_definition(text, separators))


@given(a=prose | marks, b=prose | marks)
def test_texts_joined_by_a_space_keep_their_tokens(kata, a, b):
    assert_equal(kata.regex_tokenize(f"{a} {b}"), kata.regex_tokenize(a) + kata.regex_tokenize(b))
