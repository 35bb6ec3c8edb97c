"""Collate: texts of unequal length become one batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


def collate(
    batch: Sequence[Sequence[int]],
    pad_id: int,
    ignore_index: int = -100,
    max_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """End every text, pad it, and pair each position with the id that follows.

    batch         ids of B texts, the longest has L
    pad_id        int                    ends a text, and fills the row after it
    ignore_index  int                    the target of positions that do not count
    max_length    int                    how many positions are kept at most, from the start
    ->            (B, T), twice          inputs and targets, int64, T = min(L, max_length)

    In the targets the first pad_id after a text stays, the later ones become ignore_index.
    Raises ValueError if there is no text, one is empty, or max_length is below 1.
    """
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}")
    lengths = [len(ids) for ids in batch]
    if not lengths or 0 in lengths:
        raise ValueError(f"batch must hold texts of at least one id, got texts of {lengths} ids")
    L = max(lengths)
    padded = torch.tensor([[*ids, *[pad_id] * (L + 1 - len(ids))] for ids in batch])  # (B, L + 1)
    ended = torch.arange(L) >= torch.tensor(lengths)[:, None]  # the end marker is behind
    inputs, targets = padded[:, :-1], padded[:, 1:].masked_fill(ended, ignore_index)
    return inputs[:, :max_length], targets[:, :max_length]
