"""Classification data: as much of each class, in three parts, every text as long as the others."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.utils.data import Dataset

Row = tuple[str, int]  # a text and its label


def balance(rows: Sequence[Row], generator: torch.Generator) -> list[Row]:
    """Keep as many rows of every class as the smallest class has, drawn at random.

    rows       pairs of a text and its label
    generator  where all randomness comes from
    ->         rows that were given, in the order in which they were given
    """
    raise NotImplementedError


def split(
    rows: Sequence, generator: torch.Generator, fractions: Sequence[float] = (0.7, 0.1, 0.2)
) -> tuple[list, ...]:
    """Shuffle rows, and cut them into parts.

    fractions  the share of each part; together 1
    ->         a list for each: int(N * fraction) rows of N, and in the last what is left

    Raises ValueError if a fraction is below 0, or they do not add up to 1.
    """
    raise NotImplementedError


class TextClassificationDataset(Dataset):
    """Texts as ids, cut or padded to one length, with their labels."""

    def __init__(
        self, rows: Sequence[Row], encode: Callable[[str], list[int]], max_length, pad_id: int
    ):
        """Encode every text.

        max_length  int or None  the length of a row of ids; None: that of the longest text here
        pad_id      int          fills a row after its text

        Raises ValueError if a text has no ids, or max_length is below 1.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        """Count the rows."""
        raise NotImplementedError

    def __getitem__(self, idx: int) -> tuple[Tensor, int, int]:
        """Return a text, how much of it is real, and its label.

        ->  ids (max_length,), int64: the start of the text, then pad_id; a length, at most
            max_length; a label

        Raises IndexError if there is no such row.
        """
        raise NotImplementedError
