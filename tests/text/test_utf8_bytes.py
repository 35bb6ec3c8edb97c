"""spec/text/utf8_bytes.md, clause by clause."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises

# both ends of each row of the table, a byte order mark, an accent on its own, ends of lines
BEYOND_ASCII = "é\x80\u07ff\u0800€\uffff\U00010000\U00010348\U0010ffff\ufeff\u0301"
beyond_ascii = st.sampled_from(BEYOND_ASCII)
texts = st.text("a\x7f\r\n\0" + BEYOND_ASCII, max_size=6)
surrogates = st.sampled_from(["\ud800", "\ud83d", "\udfff", "\ud83d\ude43"])
# what begins one, two, three or four bytes, what continues them, and what never occurs
some_bytes = st.sampled_from(
    bytes.fromhex("41 7f 80 8f 90 9f a0 bf c0 c2 df e0 e2 ed ef f0 f1 f4 f5 ff")
)
no_bytes = st.sampled_from([-1, -256, 256, 1000])

# all but the last byte of a spelling, or fewer: 64 neighbours differ in the last byte alone
BEGINNINGS = {
    chr(n).encode()[:size]
    for n in range(0x80, 0x110000, 64)
    if not 0xD800 <= n <= 0xDFFF
    for size in range(1, len(chr(n).encode()))
}
VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
HIDDEN = [*range(33), *range(127, 161), 173]


def spelled(text):
    """Spread the bits of each code point over bytes, six to each but the first."""
    ids = []
    for n in map(ord, text):
        extra = (n > 0x7F) + (n > 0x7FF) + (n > 0xFFFF)
        mark = (0, 0b11000000, 0b11100000, 0b11110000)[extra]
        ids.append(mark | n >> 6 * extra)
        ids += [0b10000000 | n >> 6 * i & 0b111111 for i in reversed(range(extra))]
    return ids


def read(ids):
    """Take a character or, where there is none, the longest beginning of one, or a byte."""
    text, rest = "", bytes(ids)
    while rest:
        for size in range(1, 5):
            try:
                text += rest[:size].decode()
                break
            except UnicodeDecodeError:
                continue
        else:
            size = max([k for k in (2, 3) if rest[:k] in BEGINNINGS], default=1)
            text += "\ufffd"
        rest = rest[size:]
    return text


@given(text=st.text("\0\t ~aZ\x7f", max_size=4))
@example(text="a")
def test_an_id_is_a_byte__and_for_ascii_the_code_point(kata, text):
    assert_equal(kata.utf8_ids(text), [ord(c) for c in text])


@given(character=beyond_ascii)
@example(character="€")
def test_an_id_is_a_byte(kata, character):
    ids = kata.utf8_ids(character)
    bad = [i for i in ids if type(i) is not int or not 0 <= i <= 255]
    assert_holds(not bad, f"returned {bad}, which is no byte", ids)
    assert_holds(2 <= len(ids) <= 4, f"returned {ids}, which is not two, three or four ids", ids)


@given(text=texts)
@example(text="a\r\nb")
@example(text="e\u0301")
@example(text="\ufeffa")
def test_every_text_comes_back(kata, text):
    back = kata.from_utf8_ids(kata.utf8_ids(text))
    told = f"returned {back!a}, and the ids are those that utf8_ids gave for {text!a}"
    assert_holds(back == text, told, back)


@given(a=texts, b=texts)
@example(a="a", b="b")
def test_joined_texts_have_joined_ids(kata, a, b):
    assert_equal(kata.utf8_ids(a + b), kata.utf8_ids(a) + kata.utf8_ids(b))


@given(character=beyond_ascii)
@example(character="\U00010348")
def test_the_bytes_of_a_character_are_decoded_together(kata, character):
    assert_equal(kata.from_utf8_ids(spelled(f"a{character}")), f"a{character}")


@given(beginning=st.sampled_from(["é", "€", "\U00010348"]), missing=st.integers(1, 3))
@example(beginning="\U00010348", missing=1)
def test_the_bytes_of_a_character_are_decoded_together__what_is_there_of_them(
    kata, beginning, missing
):
    ids = spelled(beginning)
    assert_equal(kata.from_utf8_ids(ids[: max(len(ids) - missing, 1)]), "\ufffd")


@given(before=texts, after=texts)
@example(before="a", after="b")
def test_a_wrong_byte_costs_only_itself(kata, before, after):
    ids = [*spelled(before), 255, *spelled(after)]
    assert_equal(kata.from_utf8_ids(ids), f"{before}\ufffd{after}")


@given(before=texts, surrogate=surrogates, after=texts)
@example(before="", surrogate="\ud83d", after="")
def test_a_lone_surrogate_is_refused(kata, before, surrogate, after):
    with assert_raises(ValueError):
        kata.utf8_ids(before + surrogate + after)


@given(
    before=st.lists(some_bytes, max_size=2), wrong=no_bytes, after=st.lists(some_bytes, max_size=2)
)
@example(before=[], wrong=256, after=[])
@example(before=[], wrong=-1, after=[])
def test_an_id_that_is_no_byte_is_refused(kata, before, wrong, after):
    with assert_raises(ValueError):
        kata.from_utf8_ids([*before, wrong, *after])


def test_every_byte_has_a_character_of_its_own(kata):
    characters = kata.bytes_to_unicode()
    missing = [byte for byte in range(256) if byte not in characters]
    assert_holds(not missing, f"returned no character for the bytes {missing[:4]}", characters)
    kinds = len(set(characters.values()))
    assert_holds(kinds == 256, f"returned {kinds} different characters, not 256", characters)


def test_a_visible_byte_stands_for_itself(kata):
    characters = kata.bytes_to_unicode()
    assert_equal({b: characters.get(b) for b in VISIBLE}, {b: chr(b) for b in VISIBLE})


def test_the_other_bytes_follow_in_order(kata):
    characters = kata.bytes_to_unicode()
    assert_equal(
        {b: characters.get(b) for b in HIDDEN}, {b: chr(256 + i) for i, b in enumerate(HIDDEN)}
    )


def test_gpt_2_numbers_bytes_by_their_characters(kata, gpt2):
    characters = kata.bytes_to_unicode()
    in_order = sorted(range(256), key=lambda byte: characters.get(byte, ""))
    published = [gpt2.decode_single_token_bytes(i)[0] for i in range(256)]
    at = next((i for i in range(256) if in_order[i] != published[i]), 255)
    told = f"puts byte {in_order[at]} at place {at}; GPT-2's token {at} is byte {published[at]}"
    assert_holds(in_order == published, told, characters)


@settings(max_examples=50)
@given(text=texts)
def test_it_agrees_with_the_definition(kata, text):
    assert_equal(kata.utf8_ids(text), spelled(text))


@settings(max_examples=50)
@given(ids=st.lists(some_bytes, max_size=6) | st.lists(some_bytes, max_size=6).map(tuple))
@example(ids=[])
@example(ids=[0xC0, 0x80])  # a null in two bytes, one too many
@example(ids=[0xED, 0xA0, 0x80])  # a surrogate
@example(ids=[0xF4, 0x90, 0x80, 0x80])  # above 0x10FFFF
@example(ids=[0xE2, 0x82, 0xE2, 0x82, 0x41])
def test_it_agrees_with_the_definition__when_reading(kata, ids):
    assert_equal(kata.from_utf8_ids(ids), read(ids))


def test_it_agrees_with_the_definition__for_the_map(kata):
    expected = {b: chr(b) for b in VISIBLE} | {b: chr(256 + i) for i, b in enumerate(HIDDEN)}
    assert_equal(kata.bytes_to_unicode(), expected)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
