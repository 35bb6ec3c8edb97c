"""Byte-pair tokenizer: the merges are used, as GPT-2 uses them."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import chain

from ..text.gpt2_pretokenize import gpt2_pretokenize
from ..text.split_special import split_special


class BPETokenizer:
    """Spell texts in the tokens of a vocabulary (Sennrich et al. 2016; Radford et al. 2019)."""

    def __init__(self, vocab: dict[int, bytes], merges: list[tuple], special_tokens=()):
        """Take a vocabulary, and give new special tokens the next free ids.

        vocab           dict of int to bytes    the bytes of each id
        merges          list of pairs of bytes  what is joined, the earliest first
        special_tokens  sequence of str         marks that are never spelled
        """
        raise NotImplementedError

    def encode(self, text: str, *, allowed_special: Collection[str] = "all") -> list[int]:
        """Turn a text into ids; a special token that is not allowed is ordinary text.

        text             str                         what is encoded
        allowed_special  collection of str, or "all"  the special tokens to look for

        Raises ValueError if the text holds a lone surrogate.
        """
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text, U+FFFD for what is no UTF-8. Raises KeyError for an unknown id."""
        raise NotImplementedError
