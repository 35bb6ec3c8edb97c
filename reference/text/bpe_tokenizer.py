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
        ids = {token: i for i, token in vocab.items()}
        for special in special_tokens:
            ids.setdefault(special.encode(), max(ids.values()) + 1)
        self._tokens = vocab | {i: token for token, i in ids.items()}
        self._specials = {special: ids[special.encode()] for special in special_tokens}
        letters = {bytes([b]): chr(b) for b in range(256)}  # for each token, the earliest first
        self._merged = {}
        for a, b in merges:
            letters[a + b] = self._merged[letters[a] + letters[b]] = chr(len(letters))
        self._pairs = {letter: pair for pair, letter in self._merged.items()}
        self._ids = {letter: ids.get(token) for token, letter in letters.items()}
        self._spelled = lru_cache(maxsize=65_536)(self._spell)  # words recur, and memory ends

    def encode(self, text: str, *, allowed_special: Collection[str] = "all") -> list[int]:
        """Turn a text into ids; a special token that is not allowed is ordinary text.

        text             str                         what is encoded
        allowed_special  collection of str, or "all"  the special tokens to look for

        Raises ValueError if the text holds a lone surrogate.
        """
        found = [s for s in self._specials if allowed_special == "all" or s in allowed_special]
        ids = []
        for piece in split_special(text, found):
            if piece in found:
                ids.append(self._specials[piece])
            else:
                ids.extend(chain.from_iterable(map(self._spelled, gpt2_pretokenize(piece))))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text, U+FFFD for what is no UTF-8. Raises KeyError for an unknown id."""
        return b"".join(map(self._tokens.__getitem__, ids)).decode(errors="replace")

    def _spell(self, word: str) -> list[int]:
        """Merge a word, the earliest merge first. As in training, a token is one character."""
        word, merged = word.encode().decode("latin-1"), self._merged
        while found := [merged[p] for p in map(str.__add__, word, word[1:]) if p in merged]:
            word = word.replace(self._pairs[min(found)], min(found))
        return [self._ids[letter] for letter in word]
