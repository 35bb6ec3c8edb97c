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
        raise NotImplementedError

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
        raise NotImplementedError


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
        raise NotImplementedError

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        self_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Go through the blocks, all with the same memory and masks; shapes as for a block."""
        raise NotImplementedError
