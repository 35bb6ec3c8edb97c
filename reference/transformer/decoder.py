"""Decoder: each position looks back at its own sequence, then at the memory of another."""

import torch
from torch import Tensor, nn

from ..attention.masks import causal_mask, combine
from ..attention.multi_head_attention import MultiHeadAttention
from ..layers.feed_forward import FeedForward
from ..layers.layer_norm import LayerNorm
from ..layers.residual import Residual


class DecoderBlock(nn.Module):
    """Causal self-attention, cross-attention, a feed-forward network: three residual sub-layers."""

    def __init__(
        self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0, pre_norm: bool = False
    ):
        """Make the three sub-layers.

        self_attention   a Residual around a MultiHeadAttention
        cross_attention  a Residual around another
        feed_forward     a Residual around a FeedForward with ReLU
        """
        super().__init__()
        own = MultiHeadAttention(d_model, n_heads, dropout=dropout)
        cross = MultiHeadAttention(d_model, n_heads, dropout=dropout)
        feed_forward = FeedForward(d_model, d_ff, torch.relu, dropout)
        self.self_attention = Residual(d_model, own, pre_norm=pre_norm, dropout=dropout)
        self.cross_attention = Residual(d_model, cross, pre_norm=pre_norm, dropout=dropout)
        self.feed_forward = Residual(d_model, feed_forward, pre_norm=pre_norm, dropout=dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        self_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Look back, look at the memory, then think.

        x            (B, T, d_model)  the positions of the target
        memory       (B, S, d_model)  what the encoder made of the source
        self_mask    bool  broadcastable to (B, H, T, T); forbids more than the future
        memory_mask  bool  broadcastable to (B, H, T, S); True where looking is allowed
        ->           (B, T, d_model)
        """
        past = combine(causal_mask(x.shape[-2]).to(x.device), self_mask)
        x = self.self_attention(x, mask=past)
        return self.feed_forward(self.cross_attention(x, memory, mask=memory_mask))


class Decoder(nn.Module):
    """A stack of decoder blocks."""

    def __init__(
        self,
        n_layers: int,
        d_model: int,
        n_heads: int,
        d_ff: int,
        dropout: float = 0.0,
        pre_norm: bool = False,
    ):
        """Make the blocks.

        layers  n_layers times a DecoderBlock, each with parameters of its own
        norm    a LayerNorm after the last block, if pre_norm
        """
        super().__init__()
        blocks = (DecoderBlock(d_model, n_heads, d_ff, dropout, pre_norm) for _ in range(n_layers))
        self.layers = nn.ModuleList(blocks)
        self.norm = LayerNorm(d_model) if pre_norm else nn.Identity()

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        self_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Go through the blocks, all with the same memory and masks; shapes as for a block."""
        for layer in self.layers:
            x = layer(x, memory, self_mask, memory_mask)
        return self.norm(x)
