"""The model that took GPT-2's place: rotary positions, RMS norm, SwiGLU and grouped queries."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from grader.trees import Tree

STD = 0.02


@dataclass(frozen=True)
class ModernConfig:
    """The shape of a model; what GPTConfig has, too, is the same.

    n_kv_heads  int  how many heads of keys and values the heads of queries share
    d_ff        int  how wide the feed-forward networks are inside
    tied        bool True: the head is the table of tokens
    """

    vocab: int
    context: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    tied: bool = True


def as_large_as(parameters: int, plain) -> ModernConfig:
    """Choose the shape of a model with as many parameters as a plain GPT of this shape has.

    Two heads of queries share one of keys and values where their number is even. What this saves,
    and the table of positions, goes into the feed-forward networks.
    """
    n_heads = plain.n_heads
    n_kv_heads = n_heads // 2 if n_heads % 2 == 0 else n_heads
    sizes = plain.vocab, plain.context, plain.d_model, plain.n_layers, n_heads, n_kv_heads
    left = parameters - count_parameters(ModernConfig(*sizes, d_ff=0))
    return ModernConfig(*sizes, d_ff=max(round(left / (3 * plain.d_model * plain.n_layers)), 1))


def count_parameters(c: ModernConfig) -> int:
    """Count the numbers that are learned."""
    d = c.d_model
    attention = 2 * d * d + 2 * d * c.n_kv_heads * (d // c.n_heads)
    block = d + attention + d + 3 * d * c.d_ff
    return c.vocab * d + c.n_layers * block + d


class Block(nn.Module):
    """Causal attention, then a feed-forward network, each after a norm of its own."""

    def __init__(self, katas: Tree, c: ModernConfig):
        super().__init__()
        norm, attention = katas.load("layers/rms_norm"), katas.load("scaling/kv_cache")
        self.ln1, self.ln2 = norm.RMSNorm(c.d_model), norm.RMSNorm(c.d_model)
        self.attn = attention.CachedAttention(c.d_model, c.n_heads, c.n_kv_heads, rotary=True)
        self.mlp = katas.load("layers/swiglu").SwiGLU(c.d_model, c.d_ff)

    def forward(self, x: Tensor, cache=None) -> Tensor:
        x = x + self.attn(self.ln1(x), cache)
        return x + self.mlp(self.ln2(x))


class ModernGPT(nn.Module):
    """A table of tokens, a stack of blocks, a norm, and a head that is the table again."""

    def __init__(self, katas: Tree, config: ModernConfig):
        """Make the parts, and draw their first weights as those of a GPT."""
        super().__init__()
        c = config
        self.config, self.new_cache = config, katas.load("scaling/kv_cache").KVCache
        self.tok = katas.load("embedding/token_embedding").TokenEmbedding(c.vocab, c.d_model)
        self.blocks = nn.ModuleList(Block(katas, c) for _ in range(c.n_layers))
        self.ln_f = katas.load("layers/rms_norm").RMSNorm(c.d_model)
        self.head = nn.Linear(c.d_model, c.vocab, bias=False)
        self.head.weight = self.tok.weight
        small = STD / (2 * c.n_layers) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                last = name.endswith(("attn.o.weight", "mlp.w2.weight"))
                nn.init.normal_(parameter, std=small if last else STD)

    def forward(self, ids: Tensor, caches: Sequence | None = None) -> Tensor:
        """Score what may follow each id; with caches, each that comes after those read before.

        ids  (..., T)
        ->   (..., T, vocab)
        """
        x = self.tok(ids)
        for block, cache in zip(self.blocks, caches or [None] * len(self.blocks), strict=True):
            x = block(x, cache)
        return self.head(self.ln_f(x))

    def caches(self) -> list:
        """Make an empty cache for each block."""
        return [self.new_cache(self.config.context) for _ in self.blocks]
