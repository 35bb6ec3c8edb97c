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
        self.capacity, self.length = capacity, 0
        self.k = self.v = torch.empty(0)

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a copy of the keys and values of the next T tokens, and return all that are kept.

        k, v  (..., T, d_head)       kept without the history of how they were made
        ->    (..., length, d_head)  each, the new ones last

        Raises ValueError if there is no room for them; nothing is kept then.
        """
        end = self.length + k.shape[-2]
        if end > self.capacity:
            raise ValueError(f"all tokens must be at most capacity={self.capacity}, got {end}")
        if not self.length:
            self.k, self.v = (
                x.new_empty(*x.shape[:-2], self.capacity, x.shape[-1]) for x in (k, v)
            )
        self.k[..., self.length : end, :] = k.detach()
        self.v[..., self.length : end, :] = v.detach()
        self.length = end
        return self.k[..., :end, :], self.v[..., :end, :]

    def truncate(self, length: int) -> None:
        """Forget all tokens but the first `length`. Raises ValueError if there are not as many."""
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be from 0 to {self.length}, got {length}")
        self.length = length

    def __len__(self) -> int:
        """Count the tokens that are kept."""
        return self.length


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
        super().__init__(d_model, n_heads, n_kv_heads, bias)
        self.d_head, self.rotary = d_model // n_heads, rotary

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """Let new positions look at themselves and at all before them, those of the cache included.

        x      (..., T, d_model)  what comes after the tokens of the cache
        cache  gets the keys and values of x; without one, x is all there is
        ->     (..., T, d_model)
        """
        T, past = x.shape[-2], 0 if cache is None else len(cache)
        q, k, v = (self._split(project(x)) for project in (self.q, self.k, self.v))
        if self.rotary:
            positions = torch.arange(past, past + T, device=x.device)
            q, k = (rotary_embedding(heads, positions, layout="half") for heads in (q, k))
        if cache is not None:
            k, v = cache.append(k, v)
        mask = causal_mask(T, past + T).to(x.device) if T > 1 else None
        heads = grouped_attention(q, k, v, mask)
        return self.o(heads.transpose(-3, -2).flatten(-2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)  # (..., heads, T, d_head)


class CachedGPT(nn.Module):
    """A GPT that reads on from where its caches end."""

    def __init__(self, model: GPT):
        """Take a GPT in, and use its parts as they are: their weights stay its own."""
        super().__init__()
        c = model.config
        self.model, self.attentions = model, nn.ModuleList()
        for block in model.blocks:
            with torch.device("meta"):  # its own projections would be drawn for nothing
                attention = CachedAttention(c.d_model, c.n_heads, c.n_heads)
            for name in "qkvo":
                setattr(attention, name, getattr(block.attn, name))
            self.attentions.append(attention)

    def caches(self) -> list[KVCache]:
        """Make an empty cache for each block."""
        return [KVCache(len(self.model.pos.weight)) for _ in self.attentions]

    def forward(self, ids: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """Score what may follow each new id. Nothing is dropped.

        ids     (..., T)         the ids that come after those of the caches
        caches  one for each block, of the same tokens; they get the new ones
        ->      (..., T, vocab)

        Raises ValueError if all ids together are more than the context.
        """
        model, past = self.model, len(caches[0])
        end, context = past + ids.shape[-1], len(model.pos.weight)
        if end > context:
            raise ValueError(f"all ids must be at most context={context} long, got {end}")
        x = model.tok(ids) + model.pos.weight[past:end]
        for block, attention, cache in zip(model.blocks, self.attentions, caches, strict=True):
            x = x + attention(block.ln1(x), cache)
            x = x + block.mlp(block.ln2(x))
        return model.head(model.ln_f(x))
