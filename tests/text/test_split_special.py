"""spec/text/split_special.md, clause by clause."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)

END = "<end>"

# specials of two letters overlap, begin alike and contain each other
some_specials = st.lists(st.text("ab", min_size=1, max_size=3), max_size=4)
texts = st.text("abc .", max_size=10)
plain = st.text("xyz .\n", max_size=4)


def by_the_definition(text, specials):
    """Read one character at a time."""
    pieces, run, rest = [], "", text
    while rest:
        special = max((s for s in specials if rest.startswith(s)), key=len, default="")
        if special:
            pieces += [run, special]
        run = "" if special else run + rest[0]
        rest = rest[len(special) or 1 :]
    return [piece for piece in [*pieces, run] if piece]


@given(text=texts, specials=some_specials)
@example(text="x <end> y", specials=[END])
@example(text="<end>", specials=[END])
@example(text="", specials=[END])
@example(text="", specials=[])
def test_nothing_is_lost(kata, text, specials):
    pieces = kata.split_special(text, specials)
    kept = "".join(pieces) == text and "" not in pieces
    assert_holds(kept, f"returned {pieces}, which is not the text cut into pieces", pieces)


@given(a=plain, b=plain, c=plain)
@example(a="x", b="y", c="z")
@example(a="", b="", c="")
def test_every_special_is_a_piece_of_its_own(kata, a, b, c):
    expected = [piece for piece in (a, END, b, END, c) if piece]
    assert_equal(kata.split_special(f"{a}{END}{b}{END}{c}", [END]), expected)


@given(a=texts, b=texts, specials=some_specials)
@example(a="x<end>y", b="z<end>", specials=[])
def test_a_special_is_a_hard_boundary(kata, a, b, specials):
    specials = [END, *specials]
    left, right = kata.split_special(a, specials), kata.split_special(b, specials)
    assert_equal(kata.split_special(a + END + b, specials), [*left, END, *right])


@given(text=texts)
@example(text="x<end>y")
@example(text="")
def test_without_specials_the_text_is_one_piece(kata, text):
    assert_equal(kata.split_special(text, []), [text] * bool(text))


@given(text=plain)
@example(text="x.y")
def test_without_specials_the_text_is_one_piece__and_if_none_occurs(kata, text):
    assert_equal(kata.split_special(text, [END, "<user>"]), [text] * bool(text))


@given(special=st.text("^$.*+?()[]{}|\\-~ #", min_size=1, max_size=3))
@example(special="a.")
@example(special="<|+*|>")
def test_a_special_is_taken_literally(kata, special):
    assert_equal(kata.split_special(f"xaz{special}y", [special]), ["xaz", special, "y"])


def test_a_special_is_taken_literally__in_its_own_case(kata):
    assert_equal(kata.split_special("x<END>", [END]), ["x<END>"])


@given(order=st.permutations([END, END * 2, "<end>y"]))
@example(order=[END, END * 2])
@example(order=[END * 2, END])
def test_the_longest_special_wins(kata, order):
    assert_equal(kata.split_special(f"x{END}{END}{END}", order), ["x", END * 2, END])


@given(order=st.permutations(["ab", "bcd", "bc"]))
@example(order=["bcd", "ab"])
def test_the_leftmost_special_wins(kata, order):
    assert_equal(kata.split_special("xabcdx", order), ["x", "ab", "cdx"])


@given(text=texts, specials=some_specials, place=st.integers(0, 4))
@example(text="", specials=[], place=0)
@example(text="x", specials=[END], place=1)
def test_an_empty_special_is_refused(kata, text, specials, place):
    with assert_raises(ValueError):
        kata.split_special(text, [*specials[:place], "", *specials[place:]])


def test_the_specials_are_left_alone(kata):
    assert_leaves_alone(kata.split_special, "x<end>y", ["<", "<end>", "e", "d>"])


def test_the_specials_are_left_alone__in_any_collection(kata):
    for specials in ((END, "y"), {END}, frozenset({END}), {END: 50256}.keys()):
        assert_equal(kata.split_special("x<end>", specials), ["x", END])


@settings(max_examples=50)
@given(text=texts, specials=some_specials)
@example(text="ababcab", specials=["b", "ab", "babc"])
def test_it_agrees_with_the_definition(kata, text, specials):
    assert_equal(kata.split_special(text, specials), by_the_definition(text, specials))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
