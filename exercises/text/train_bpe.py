"""Training byte-pair encoding: the merges are learned from a text."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from ..text.gpt2_pretokenize import gpt2_pretokenize
from ..text.split_special import split_special


def train_bpe(
    text: str, vocab_size: int, special_tokens: Sequence[str] = (), pretokenize=gpt2_pretokenize
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Merge the most frequent pair of tokens, again and again.

    text            str                 what is learned from
    vocab_size      int                 how many tokens there may be: bytes, merges and specials
    special_tokens  sequence of str     marks that are cut out of the text
    pretokenize     str -> list of str  makes the cuts that no merge may cross
    ->              dict, list          the bytes of each id; the merges, pairs of bytes, in order

    Raises ValueError if vocab_size has no room for the bytes and the specials.
    Source: Sennrich et al. 2016, section 3.2.
    """
    raise NotImplementedError
