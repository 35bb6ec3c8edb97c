"""spec/text/gpt2_pretokenize.md, clause by clause."""

from unicodedata import category

import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_own_work

CONTRACTIONS = ("'s", "'d", "'m", "'t", "'ll", "'ve", "'re")
NOT_A_SPACE = "\t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000"
WHITE = " " + NOT_A_SPACE

letters = st.text("aZéïßЖאعक漢", min_size=1, max_size=3)
numerals = st.text("07²½Ⅷ٣", min_size=1, max_size=5)
# punctuation; an accent, a sign and a joiner that combine; what str.isspace alone calls a space
others = st.text("_.-’$\u0301\u094d\u200d\U0001f469\x1c", min_size=1, max_size=3)
blanks = st.text(NOT_A_SPACE, min_size=1, max_size=3)
contractions = st.sampled_from(CONTRACTIONS)
plain = st.sampled_from(["b", "Ab", "1", "12", "!", ".."])
words = letters | numerals | others
parts = words | blanks | contractions | st.sampled_from([" ", "  ", "\r\n", "'", "'S", "'LL"])
texts = st.lists(parts, max_size=6).map("".join)


def kind(character):
    """Say what a character is: white space, a letter, a numeral, or none of these."""
    if character in WHITE:
        return "white"
    return {"L": "letter", "N": "numeral"}.get(category(character)[0], "other")


def by_the_definition(text):
    """Read one character at a time."""
    pieces, rest = [], text
    while rest:
        space = rest[0] == " " and kind(rest[1:2] or " ") != "white"
        first = kind(rest[space])
        end = int(space)
        while end < len(rest) and kind(rest[end]) == first:
            end += 1
        if first == "white" and 1 < end < len(rest):
            end -= 1
        contraction = next((c for c in CONTRACTIONS if rest.startswith(c)), "")
        pieces.append(contraction or rest[:end])
        rest = rest[len(pieces[-1]) :]
    return pieces


@given(text=texts)
@example(text="")
@example(text=" a")
@example(text="\n")
@example(text="a\r\nb")
@example(text="I'll")
def test_nothing_is_lost(kata, text):
    pieces = kata.gpt2_pretokenize(text)
    kept = "".join(pieces) == text and "" not in pieces
    assert_holds(kept, f"returned {pieces}: joined, that is not the text", pieces)


@given(word=plain)
@example(word="b")
@example(word="!")
def test_a_word_takes_one_space_with_it(kata, word):
    assert_equal(kata.gpt2_pretokenize(f"a {word} {word}"), ["a", f" {word}", f" {word}"])


@given(word=plain, spaces=st.integers(2, 4))
@example(word="b", spaces=3)
def test_a_run_of_spaces_leaves_its_last_one_to_the_word(kata, word, spaces):
    pieces = kata.gpt2_pretokenize(f"a{' ' * spaces}{word}")
    assert_equal(pieces, ["a", " " * (spaces - 1), f" {word}"])


@given(spaces=st.integers(1, 4))
def test_a_run_of_spaces_leaves_its_last_one_to_the_word__and_keeps_it_at_the_end(kata, spaces):
    assert_equal(kata.gpt2_pretokenize(f"a{' ' * spaces}"), ["a", " " * spaces])


@given(word=plain, blank=st.sampled_from(NOT_A_SPACE))
@example(word="b", blank="\t")
@example(word="b", blank="\xa0")
def test_only_a_space_goes_along(kata, word, blank):
    assert_equal(kata.gpt2_pretokenize(f"a{blank}{word}"), ["a", blank, word])


@given(word=plain, run=st.text(WHITE, min_size=1, max_size=3), last=st.sampled_from(NOT_A_SPACE))
@example(word="b", run="\n", last="\n")
@example(word="b", run="\r", last="\n")
def test_only_a_space_goes_along__nor_does_the_end_of_a_run(kata, word, run, last):
    assert_equal(kata.gpt2_pretokenize(f"a{run}{last}{word}"), ["a", run, last, word])


@given(word=letters)
@example(word="naïve")
@example(word="тест")
@example(word="שלום")
@example(word="漢字")
def test_letters_of_every_script_are_letters(kata, word):
    assert_equal(kata.gpt2_pretokenize(f"{word} {word}"), [word, f" {word}"])


@given(a=letters, number=numerals, b=letters)
@example(a="x", number="2026", b="y")
@example(a="x", number="²", b="y")
def test_numerals_are_not_letters(kata, a, number, b):
    assert_equal(kata.gpt2_pretokenize(f"{a}{number}{b}"), [a, number, b])


@given(a=letters | numerals, marks=others, b=letters | numerals)
@example(a="pre", marks="-", b="cut")
@example(a="x", marks="_", b="1")
@example(a="e", marks="\u0301", b="t")
@example(a="a", marks="\U0001f469\u200d\U0001f680", b="b")
def test_marks_and_underscores_are_neither(kata, a, marks, b):
    pieces = kata.gpt2_pretokenize(f"{a}{marks}{b}")
    expected = [a, marks, b]
    assert_holds(pieces == expected, f"returned {pieces!a}, not {expected!a}", pieces)


@given(before=letters | numerals | blanks.map(lambda b: b[0]), end=contractions, after=letters)
@example(before="I", end="'ll", after="a")
def test_a_contraction_is_cut_off(kata, before, end, after):
    assert_equal(kata.gpt2_pretokenize(f"{before}{end}{after}"), [before, end, after])


@given(end=contractions, after=letters | numerals)
def test_a_contraction_is_cut_off__at_the_beginning(kata, end, after):
    assert_equal(kata.gpt2_pretokenize(f"{end}{after}"), [end, after])


@given(after=st.sampled_from(["em", "l", "v", "r", "a", "c", "cause", "1"]))
@example(after="em")
def test_a_contraction_is_cut_off__and_there_is_no_eighth(kata, after):
    assert_equal(kata.gpt2_pretokenize(f"I'{after}"), ["I", "'", after])


@given(word=letters, end=contractions)
@example(word="I", end="'ll")
def test_contractions_are_lower_case_and_straight(kata, word, end):
    large = end[1:].upper()
    assert_equal(kata.gpt2_pretokenize(f"{word}'{large}"), [word, "'", large])


@given(word=letters, end=contractions)
@example(word="I", end="'ll")
def test_contractions_are_lower_case_and_straight__not_a_curved_one(kata, word, end):
    assert_equal(kata.gpt2_pretokenize(f"{word}\u2019{end[1:]}"), [word, "\u2019", end[1:]])


@given(before=others | st.just(" "), end=contractions)
@example(before=" ", end="'s")
@example(before="!", end="'s")
def test_a_contraction_begins_its_own_piece(kata, before, end):
    assert_equal(kata.gpt2_pretokenize(f"a{before}{end}"), ["a", f"{before}'", end[1:]])


@given(text=texts)
@example(text="I'll")
def test_a_piece_cut_again_stays_whole(kata, text):
    for piece in kata.gpt2_pretokenize(text):
        assert_equal(kata.gpt2_pretokenize(piece), [piece])


@settings(max_examples=50)
@given(text=texts)
@example(text="")
@example(text="(a)  \n b'saw ''s 'tis\u2003 \x1cc")
def test_it_agrees_with_the_definition(kata, text):
    assert_equal(kata.gpt2_pretokenize(text), by_the_definition(text))


@given(text=texts)
@example(text="\r\n  for x in  y:\n\n\treturn 'll'\n ")
@example(text="I'S")
def test_it_cuts_where_gpt_2_cuts(kata, gpt2, text):
    assert_equal(kata.gpt2_pretokenize(text), regex.findall(gpt2._pat_str, text))


def test_the_work_is_your_own(kata, shortcuts):
    assert_own_work(shortcuts)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
