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
        super().__init__()
        c = config
        self.config = config
        self.tok = TokenEmbedding(c.vocab, c.d_model)
        self.pos = TokenEmbedding(c.context, c.d_model)
        self.drop = Dropout(c.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(c.d_model, c.n_heads, c.dropout, c.qkv_bias) for _ in range(c.n_layers)
        )
        self.ln_f = LayerNorm(c.d_model)
        self.head = nn.Linear(c.d_model, c.vocab, bias=False)
        if c.tied:
            self.head.weight = self.tok.weight
        self._draw_weights()

    def forward(self, ids: Tensor) -> Tensor:
        """Score what may follow each prefix of the ids.

        ids  (..., T)         token ids
        ->   (..., T, vocab)  logits: entry t scores what follows ids[..., : t + 1]

        Raises ValueError if T is above the context.
        Source: Radford et al. 2019, section 2.3.
        """
        T, longest = ids.shape[-1], len(self.pos.weight)
        if longest < T:
            raise ValueError(f"ids must be at most context={longest} long, got {T}")
        x = self.drop(self.tok(ids) + self.pos.weight[:T])
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))

    def _draw_weights(self) -> None:
        small = STD / (2 * self.config.n_layers) ** 0.5  # 2 * n_layers are added up on the way
        for name, parameter in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                last = name.endswith(("attn.o.weight", "mlp.down.weight"))
                nn.init.normal_(parameter, std=small if last else STD)
