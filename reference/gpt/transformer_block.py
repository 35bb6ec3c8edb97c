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
        super().__init__()
        self.ln1 = LayerNorm(d_model)
        self.attn = MultiHeadAttention(d_model, n_heads, qkv_bias, dropout)
        self.ln2 = LayerNorm(d_model)
        self.mlp = FeedForward(d_model, activation=partial(gelu, approximate="tanh"))
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Let each position look at itself and those before it, then think for itself.

        x   (..., T, d_model)
        ->  (..., T, d_model)

        Source: Radford et al. 2019, section 2.3.
        """
        mask = causal_mask(x.shape[-2]).to(x.device)
        x = x + self.drop(self.attn(self.ln1(x), mask=mask))
        return x + self.drop(self.mlp(self.ln2(x)))
