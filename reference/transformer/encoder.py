"""Encoder: every position of the source looks at every other, block after block."""

import torch
from torch import Tensor, nn

from ..attention.multi_head_attention import MultiHeadAttention
from ..layers.feed_forward import FeedForward
from ..layers.layer_norm import LayerNorm
from ..layers.residual import Residual


class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward network, each in a residual sub-layer."""

    def __init__(
        self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0, pre_norm: bool = False
    ):
        """Make the two sub-layers.

        attention     a Residual around a MultiHeadAttention
        feed_forward  a Residual around a FeedForward with ReLU
        """
        super().__init__()
        attention = MultiHeadAttention(d_model, n_heads, dropout=dropout)
        feed_forward = FeedForward(d_model, d_ff, torch.relu, dropout)
        self.attention = Residual(d_model, attention, pre_norm=pre_norm, dropout=dropout)
        self.feed_forward = Residual(d_model, feed_forward, pre_norm=pre_norm, dropout=dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let positions look at each other, then each think for itself.

        x     (B, T, d_model)
        mask  bool             broadcastable to (B, H, T, T); True where looking is allowed
        ->    (B, T, d_model)
        """
        return self.feed_forward(self.attention(x, mask=mask))


class Encoder(nn.Module):
    """A stack of encoder blocks."""

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

        layers  n_layers times an EncoderBlock, each with parameters of its own
        norm    a LayerNorm after the last block, if pre_norm
        """
        super().__init__()
        blocks = (EncoderBlock(d_model, n_heads, d_ff, dropout, pre_norm) for _ in range(n_layers))
        self.layers = nn.ModuleList(blocks)
        self.norm = LayerNorm(d_model) if pre_norm else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Go through the blocks, all under the same mask; shapes as for a block."""
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)
