"""The block of a GPT: look back, then think, each beside a way straight through."""

from functools import partial

from torch import Tensor, nn

from ..attention.masks import causal_mask
from ..attention.multi_head_attention import MultiHeadAttention
from ..layers.dropout import Dropout
from ..layers.feed_forward import FeedForward
from ..layers.gelu import gelu
from ..layers.layer_norm import LayerNorm


class TransformerBlock(nn.Module):
    """Causal self-attention, then a feed-forward network, each after a norm of its own."""

    def __init__(self, d_model: int, n_heads: int, dropout: float = 0.0, qkv_bias: bool = True):
        """Make the four parts.

        ln1, ln2  a LayerNorm each
        attn      a MultiHeadAttention, which drops the share `dropout` of its weights
        mlp       a FeedForward, 4 * d_model wide inside, with GELU in the form that GPT-2 uses
        dropout   float  the share of what attn and mlp give that is dropped in training
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Let each position look at itself and those before it, then think for itself.

        x   (..., T, d_model)
        ->  (..., T, d_model)

        Source: Radford et al. 2019, section 2.3.
        """
        raise NotImplementedError
