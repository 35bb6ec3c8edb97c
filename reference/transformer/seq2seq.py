"""Encoder-decoder: one sequence in, another out."""

from math import sqrt

import torch
from torch import Tensor, nn

from ..attention.masks import padding_mask
from ..embedding.sinusoidal_encoding import sinusoidal_encoding
from ..embedding.token_embedding import TokenEmbedding
from ..layers.dropout import Dropout
from ..transformer.decoder import Decoder
from ..transformer.encoder import Encoder


class Seq2Seq(nn.Module):
    """The transformer of 2017: embeddings, encoder, decoder, and a linear layer on top."""

    def __init__(
        self,
        src_vocab: int,
        tgt_vocab: int,
        d_model: int,
        n_heads: int,
        d_ff: int,
        n_layers: int,
        dropout: float = 0.0,
        tie: bool = False,
        pre_norm: bool = False,
    ):
        """Make the parts.

        src_embedding  a TokenEmbedding, drawn with standard deviation 1 / sqrt(d_model)
        tgt_embedding  another, or the same one if tie
        encoder        an Encoder of n_layers
        decoder        a Decoder of n_layers
        head           a linear layer from d_model to tgt_vocab without a bias; if tie, its weight
                       is the table of the embeddings

        Raises ValueError if tie is asked for and the vocabularies differ in size.
        """
        super().__init__()
        if tie and src_vocab != tgt_vocab:
            raise ValueError(f"tie needs one vocabulary, got {src_vocab} and {tgt_vocab} tokens")
        self.src_embedding = TokenEmbedding(src_vocab, d_model)
        self.tgt_embedding = self.src_embedding if tie else TokenEmbedding(tgt_vocab, d_model)
        self.encoder = Encoder(n_layers, d_model, n_heads, d_ff, dropout, pre_norm)
        self.decoder = Decoder(n_layers, d_model, n_heads, d_ff, dropout, pre_norm)
        self.head = nn.Linear(d_model, tgt_vocab, bias=False)
        self.drop = Dropout(dropout)
        nn.init.normal_(self.src_embedding.weight, std=d_model**-0.5)
        nn.init.normal_(self.tgt_embedding.weight, std=d_model**-0.5)
        if tie:
            self.head.weight = self.tgt_embedding.weight

    def encode(self, src: Tensor, src_lengths: Tensor) -> Tensor:
        """Read the source.

        src          (B, S)           ids; what stands beyond a length is padding
        src_lengths  (B,)             how many ids of each row are real
        ->           (B, S, d_model)  the memory
        """
        mask = padding_mask(src_lengths, src.shape[1])
        return self.encoder(self._placed(self.src_embedding(src)), mask)

    def decode(self, tgt: Tensor, memory: Tensor, src_lengths: Tensor) -> Tensor:
        """Score what may follow each prefix of the target.

        tgt  (B, T)             ids, the first of which marks the beginning
        ->   (B, T, tgt_vocab)  logits: entry t scores what follows tgt[:, : t + 1]
        """
        mask = padding_mask(src_lengths, memory.shape[1])
        x = self._placed(self.tgt_embedding(tgt))
        return self.head(self.decoder(x, memory, memory_mask=mask))

    def forward(self, src: Tensor, src_lengths: Tensor, tgt: Tensor) -> Tensor:
        """Read the source, and score what may follow each prefix of the target."""
        return self.decode(tgt, self.encode(src, src_lengths), src_lengths)

    @torch.no_grad()
    def greedy(
        self, src: Tensor, src_lengths: Tensor, bos: int, eos: int, max_len: int
    ) -> list[list[int]]:
        """Write the target step by step, each time the id with the highest score.

        bos, eos  int   the ids that begin a target and end it
        max_len   int   how many ids to write at most
        ->        lists of ids, one for each row of src, without bos and eos
        """
        memory = self.encode(src, src_lengths)
        tgt = torch.full((len(src), 1), bos, device=src.device)
        ended = torch.zeros(len(src), dtype=torch.bool, device=src.device)
        while tgt.shape[1] <= max_len and not ended.all():
            best = self.decode(tgt, memory, src_lengths)[:, -1].argmax(-1)
            ended |= best == eos
            tgt = torch.cat([tgt, best[:, None]], dim=1)
        rows = tgt[:, 1:].tolist()
        return [row[: row.index(eos)] if eos in row else row for row in rows]

    def _placed(self, x: Tensor) -> Tensor:
        T, C = x.shape[-2:]
        return self.drop(x * sqrt(C) + sinusoidal_encoding(T, C).to(x))
