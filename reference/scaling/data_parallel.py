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
    if world < 1:
        raise ValueError(f"world must be at least 1, got {world}")
    return list(batch.tensor_split(world))


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
    world = len(ranks)
    held, sent = [shard(vector, world) for vector in ranks], [0] * world
    for step in range(2 * (world - 1)):
        for rank in range(world):
            c, neighbour = (rank - step) % world, (rank + 1) % world
            chunk = held[rank][c]
            held[neighbour][c] = held[neighbour][c] + chunk if step < world - 1 else chunk
            sent[rank] += chunk.nbytes
    return [torch.cat(chunks) for chunks in held], sent


def broadcast(replicas: Sequence[nn.Module]) -> None:
    """Give all replicas the numbers of the first, parameters and buffers. They change in place."""
    for replica in replicas[1:]:
        for mine, first in zip(_tensors(replica), _tensors(replicas[0]), strict=True):
            mine.data.copy_(first.data)


def average_gradients(replicas: Sequence[nn.Module], sizes: Sequence[int]) -> list[int]:
    """Give all replicas one gradient, that of the mean loss over the rows of all of them.

    sizes  how many rows each has seen; its gradient is that of the mean loss over its own
    ->     the bytes that each has sent around the ring

    Where a replica has no gradient, or has seen no row, it counts as zero; where none has a
    gradient, none gets one. What stands in two places of a module is averaged once.

    Raises ValueError if no row was seen.
    """
    if sum(sizes) < 1:
        raise ValueError(f"sizes must add up to at least 1, got {list(sizes)}")
    places = zip(*(replica.parameters() for replica in replicas), strict=True)
    learned = [place for place in places if any(p.grad is not None for p in place)]
    ranks = [list(rank) for rank in zip(*learned, strict=True)] or [[] for _ in replicas]
    shares = (size / sum(sizes) for size in sizes)
    sums, sent = ring_all_reduce([_flat(*both) for both in zip(ranks, shares, strict=True)])
    for parameters, total in zip(ranks, sums, strict=True):
        for p, piece in zip(parameters, total.split([p.numel() for p in parameters]), strict=True):
            p.grad = piece.view_as(p).to(p.dtype)
    return sent


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _flat(parameters: Sequence[Tensor], share: float) -> Tensor:
    """Lay a replica's gradients end to end; the mean over no row may be nan, and counts as zero."""
    seen = (None if share == 0 else p.grad for p in parameters)
    pairs = zip(parameters, seen, strict=True)
    gradients = [torch.zeros_like(p) if g is None else share * g for p, g in pairs]
    return torch.cat([g.flatten() for g in gradients]) if gradients else torch.empty(0)
