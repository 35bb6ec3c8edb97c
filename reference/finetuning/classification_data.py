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
    places: dict[int, list[int]] = {}
    for place, (_, label) in enumerate(rows):
        places.setdefault(label, []).append(place)
    least = min(map(len, places.values()), default=0)
    kept = [place for own in places.values() for place in _shuffled(own, generator)[:least]]
    return [rows[place] for place in sorted(kept)]


def split(
    rows: Sequence, generator: torch.Generator, fractions: Sequence[float] = (0.7, 0.1, 0.2)
) -> tuple[list, ...]:
    """Shuffle rows, and cut them into parts.

    fractions  the share of each part; together 1
    ->         a list for each: int(N * fraction) rows of N, and in the last what is left

    Raises ValueError if a fraction is below 0, or they do not add up to 1.
    """
    if not abs(sum(fractions) - 1) <= 1e-9 or min(fractions) < 0:
        raise ValueError(f"fractions must be shares that add up to 1, got {tuple(fractions)}")
    order = _shuffled(rows, generator)
    sizes = [int(len(rows) * fraction) for fraction in fractions[:-1]]
    cuts = [0, *accumulate(sizes), len(rows)]
    return tuple(order[start:stop] for start, stop in pairwise(cuts))


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
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
        self.texts = [encode(text) for text, _ in rows]
        self.labels = [label for _, label in rows]
        if [] in self.texts:
            raise ValueError(f"rows must have texts with ids, row {self.texts.index([])} has none")
        self.max_length = max_length or max(map(len, self.texts), default=0)
        self.pad_id = pad_id

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.texts)

    def __getitem__(self, idx: int) -> tuple[Tensor, int, int]:
        """Return a text, how much of it is real, and its label.

        ->  ids (max_length,), int64: the start of the text, then pad_id; a length, at most
            max_length; a label

        Raises IndexError if there is no such row.
        """
        kept = self.texts[idx][: self.max_length]
        padding = [self.pad_id] * (self.max_length - len(kept))
        return torch.tensor(kept + padding), len(kept), self.labels[idx]


def _shuffled(items: Sequence, generator: torch.Generator) -> list:
    order = torch.randperm(len(items), generator=generator).tolist()
    return [items[i] for i in order]
