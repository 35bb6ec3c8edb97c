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
        raise NotImplementedError

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let positions look at each other, then each think for itself.

        x     (B, T, d_model)
        mask  bool             broadcastable to (B, H, T, T); True where looking is allowed
        ->    (B, T, d_model)
        """
        raise NotImplementedError


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
        raise NotImplementedError

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Go through the blocks, all under the same mask; shapes as for a block."""
        raise NotImplementedError
