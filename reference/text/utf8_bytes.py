"""UTF-8 bytes: 256 symbols that can spell everything."""

from collections.abc import Sequence


def utf8_ids(text: str) -> list[int]:
    """Spell a text in the numbers of its UTF-8 bytes.

    text  str          any text without lone surrogates
    ->    list of int  one to four ids from 0 to 255 for each character

    Raises ValueError if the text holds a lone surrogate.
    """
    return list(text.encode("utf-8"))


def from_utf8_ids(ids: Sequence[int]) -> str:
    """Read the text that bytes spell, with U+FFFD where they spell nothing.

    ids  sequence of int  bytes, each from 0 to 255
    ->   str              the text

    Raises ValueError if an id is no byte.
    """
    return bytes(ids).decode("utf-8", errors="replace")


def bytes_to_unicode() -> dict[int, str]:
    """Give each byte the one visible character that GPT-2's files write for it.

    ->  dict of int to str  256 bytes, and as many characters

    Source: Radford et al. 2019, the code of GPT-2.
    """
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return dict(zip(visible + hidden, map(chr, [*visible, *range(256, 324)]), strict=True))
