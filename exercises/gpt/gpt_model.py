"""GPT: from ids to a score for every token that may come next."""

from torch import Tensor, nn

from ..embedding.token_embedding import TokenEmbedding
from ..gpt.gpt_config import GPTConfig
from ..gpt.transformer_block import TransformerBlock
from ..layers.dropout import Dropout
from ..layers.layer_norm import LayerNorm

STD = 0.02


class GPT(nn.Module):
    """Two tables, a stack of blocks, a norm, and a head that scores every token."""

    def __init__(self, config: GPTConfig):
        """Make the parts, and draw their first weights.

        tok, pos  a TokenEmbedding each: (vocab, d_model) and (context, d_model)
        blocks    n_layers times a TransformerBlock, each with parameters of its own
        ln_f      a LayerNorm
        head      a linear layer from d_model to vocab without a bias; if tied, its weight is that
                  of tok, one parameter and not two

        Tables and the weights of linear layers are normal with standard deviation 0.02, those of
        attn.o and mlp.down 0.02 / sqrt(2 * n_layers). Biases are zero, norms one and zero.
        """
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """Score what may follow each prefix of the ids.

        ids  (..., T)         token ids
        ->   (..., T, vocab)  logits: entry t scores what follows ids[..., : t + 1]

        Raises ValueError if T is above the context.
        Source: Radford et al. 2019, section 2.3.
        """
        raise NotImplementedError
