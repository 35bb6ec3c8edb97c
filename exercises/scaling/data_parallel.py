"""Data parallel: each replica learns from its own part, and all make the same step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def shard(batch: Tensor, world: int) -> list[Tensor]:
    """Share out the rows of a batch among so many ranks, in order.

    batch  (B, ...)
    ->     world parts; their sizes differ by at most one, the larger ones first

    Raises ValueError if world is below 1.
    """
    raise NotImplementedError


def ring_all_reduce(ranks: Sequence[Tensor]) -> tuple[list[Tensor], list[int]]:
    """Add up a vector of each rank, so that all have the sum; each sends to its neighbour alone.

    ranks  one (n,) each; they stay as they are
    ->     the sum for each rank, the same to the bit, in memory of its own
           the bytes that each rank has sent

    Every vector is cut into as many chunks as there are ranks, as `shard` does. Rank r first sends
    chunk r, then the one that it has just added to; after world - 1 rounds it holds the whole sum
    of chunk r + 1, and in as many rounds more these go round.

    Source: Patarasuk and Yuan 2009.
    """
    raise NotImplementedError


def broadcast(replicas: Sequence[nn.Module]) -> None:
    """Give all replicas the numbers of the first, parameters and buffers. They change in place."""
    raise NotImplementedError


def average_gradients(replicas: Sequence[nn.Module], sizes: Sequence[int]) -> list[int]:
    """Give all replicas one gradient, that of the mean loss over the rows of all of them.

    sizes  how many rows each has seen; its gradient is that of the mean loss over its own
    ->     the bytes that each has sent around the ring

    Where a replica has no gradient, or has seen no row, it counts as zero; where none has a
    gradient, none gets one. What stands in two places of a module is averaged once.

    Raises ValueError if no row was seen.
    """
    raise NotImplementedError
