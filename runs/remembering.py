"""A model that remembers what it has read, and works out only what is new."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from grader.trees import Tree
from runs.modern import ModernGPT

CACHE = "scaling/kv_cache"


class Remembering(nn.Module):
    """Reads ids, and keeps how it read them for the next time that they come first."""

    def __init__(self, model: nn.Module, caches: Sequence):
        """Take a model that reads ids on from caches."""
        super().__init__()
        self.model, self.caches = model, caches
        self.ids = torch.empty(0, 0, dtype=torch.long)

    def forward(self, ids: Tensor) -> Tensor:
        """Score what may follow each id that is new, the last one at least: (B, new, vocab)."""
        kept = min(self.known(ids), ids.shape[1] - 1, *map(len, self.caches))
        for cache in self.caches:
            cache.truncate(kept)
        self.ids = ids
        return self.model(ids[:, kept:], self.caches)

    def known(self, ids: Tensor) -> int:
        """Count the ids at the beginning that are the same as the last time."""
        if len(ids) != len(self.ids):
            return 0
        both = min(ids.shape[1], self.ids.shape[1])
        same = (ids[:, :both] == self.ids[:, :both]).all(0)
        return int(same.cumprod(0).sum())


def remembering(katas: Tree, model: nn.Module) -> Remembering:
    """Give a GPT, plain or modern, a cache."""
    cached = model if isinstance(model, ModernGPT) else katas.load(CACHE).CachedGPT(model)
    return Remembering(cached, cached.caches())
