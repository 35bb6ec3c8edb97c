"""What a model's bits per byte are measured against: gzip, and a model that counts five bytes."""

import gzip

import numpy as np

ORDER, ENOUGH = 5, 20_000_000  # bytes that are counted together; bytes of text to count in


def gzip_bits(text: bytes) -> float:
    """Return how many bits gzip spends on each byte of a text."""
    return 8 * len(gzip.compress(text, 9)) / len(text)


def counting_bits(learned: bytes, text: bytes) -> float:
    """Return how many bits a 5-gram model of one text spends on each byte of another.

    It has counted what follows each four bytes. The fewer times they were seen, the more it goes by
    the last three of them, and so on down to none (Witten and Bell 1991).
    """
    learned, shares = learned[-ENOUGH:], np.full(len(text), 1 / 256)
    for length in range(ORDER):
        context, gram = codes(learned, length)
        kinds = np.unique(np.unique(gram) >> 8, return_counts=True)
        totals = np.unique(context, return_counts=True)
        counts = np.unique(gram, return_counts=True)
        asked_context, asked_gram = codes(text, length)
        n, k = looked_up(asked_context, totals), looked_up(asked_context, kinds)
        found = looked_up(asked_gram, counts)
        mixed = (found + k * shares[length:]) / np.maximum(n + k, 1)
        shares[length:] = np.where(n > 0, mixed, shares[length:])
    return float(-np.log2(shares).mean())


def codes(text: bytes, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Number, for each byte with `length` before it, those, and those together with the byte."""
    numbers = np.frombuffer(text, np.uint8).astype(np.uint64)
    context = np.zeros(max(len(text) - length, 0), np.uint64)
    for i in range(length):
        context = context << 8 | numbers[i : i + len(context)]
    return context, context << 8 | numbers[length:]


def looked_up(wanted: np.ndarray, table: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the counts of numbers, 0 for those that are not in a sorted table."""
    keys, counts = table
    if not len(keys):
        return np.zeros(len(wanted), int)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, counts[at], 0)
