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
    if (room := vocab_size - 256 - len(special_tokens)) < 0:
        raise ValueError(f"vocab_size must be at least {vocab_size - room}, got {vocab_size}")
    documents = [d for d in split_special(text, special_tokens) if d not in special_tokens]
    times = Counter(chain.from_iterable(map(pretokenize, documents)))
    merges = list(islice(_merges(times), room))
    tokens = [bytes([b]) for b in range(256)] + [a + b for a, b in merges]
    return dict(enumerate([*tokens, *map(str.encode, special_tokens)])), merges


def _merges(times: Counter[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the merges. A word has one character per token, so that a merge is str.replace."""
    words, weights = [word.encode().decode("latin-1") for word in times], list(times.values())
    order = {chr(b): (-b, 1) for b in range(256)}  # in a heap the greatest token must be least
    heap, count, where = [], Counter(), {"": range(len(words))}
    pair = left = right = new = ""  # the first round merges nothing, and finds all pairs
    while True:
        found = defaultdict(list)  # each pair with the new token, and a word for each of its places
        for i in {i for i in where.pop(pair) if pair in words[i]}:
            words[i] = words[i].replace(pair, new)
            for a, b in pairwise(words[i]):
                if not new or a == new or b == new:
                    found[a + b].append(i)
        for (a, b), places in found.items():
            gain = sum(map(weights.__getitem__, places))
            count[(right if a == new else a) + (left if b == new else b)] -= gain
            count[a + b], where[a + b] = gain, places
            heapq.heappush(heap, (-gain, order[a], order[b], a + b))
        while heap and -heap[0][0] != count[heap[0][3]]:  # other merges took places from it
            heapq.heapreplace(heap, (-count[heap[0][3]], *heap[0][1:]))
        if not heap or heap[0][0] == 0:
            return
        pair, new = heapq.heappop(heap)[3], chr(len(order))
        left, right = pair
        order[new] = order[left][:-1] + order[right]
        yield tuple(bytes(-b for b in order[token][:-1]) for token in pair)
