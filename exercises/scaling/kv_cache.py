"""The cache: keys and values of what was read are kept, and only what is new is worked out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..attention.masks import causal_mask
from ..embedding.rotary_embedding import rotary_embedding
from ..gpt.gpt_model import GPT
from ..scaling.grouped_query import GroupedQueryAttention, grouped_attention


class KVCache:
    """The keys and values of one layer for the tokens read so far. Its length is their number."""

    def __init__(self, capacity: int):
        """Begin with nothing read, and room for so many tokens."""
        raise NotImplementedError

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a copy of the keys and values of the next T tokens, and return all that are kept.

        k, v  (..., T, d_head)       kept without the history of how they were made
        ->    (..., length, d_head)  each, the new ones last

        Raises ValueError if there is no room for them; nothing is kept then.
        """
        raise NotImplementedError

    def truncate(self, length: int) -> None:
        """Forget all tokens but the first `length`. Raises ValueError if there are not as many."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Count the tokens that are kept."""
        raise NotImplementedError


class CachedAttention(GroupedQueryAttention):
    """Causal grouped-query attention that goes on from what a cache holds."""

    def __init__(
        self, d_model: int, n_heads: int, n_kv_heads: int, bias: bool = False, rotary: bool = False
    ):
        """Make the four projections of grouped-query attention, under the same names.

        rotary  whether queries and keys are turned by their positions; entries i and i + d_head / 2
                are a pair

        Raises ValueError as GroupedQueryAttention does.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """Let new positions look at themselves and at all before them, those of the cache included.

        x      (..., T, d_model)  what comes after the tokens of the cache
        cache  gets the keys and values of x; without one, x is all there is
        ->     (..., T, d_model)
        """
        raise NotImplementedError


class CachedGPT(nn.Module):
    """A GPT that reads on from where its caches end."""

    def __init__(self, model: GPT):
        """Take a GPT in, and use its parts as they are: their weights stay its own."""
        raise NotImplementedError

    def caches(self) -> list[KVCache]:
        """Make an empty cache for each block."""
        raise NotImplementedError

    def forward(self, ids: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """Score what may follow each new id. Nothing is dropped.

        ids     (..., T)         the ids that come after those of the caches
        caches  one for each block, of the same tokens; they get the new ones
        ->      (..., T, vocab)

        Raises ValueError if all ids together are more than the context.
        """
        raise NotImplementedError
