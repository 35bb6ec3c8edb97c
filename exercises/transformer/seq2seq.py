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
        raise NotImplementedError

    def encode(self, src: Tensor, src_lengths: Tensor) -> Tensor:
        """Read the source.

        src          (B, S)           ids; what stands beyond a length is padding
        src_lengths  (B,)             how many ids of each row are real
        ->           (B, S, d_model)  the memory
        """
        raise NotImplementedError

    def decode(self, tgt: Tensor, memory: Tensor, src_lengths: Tensor) -> Tensor:
        """Score what may follow each prefix of the target.

        tgt  (B, T)             ids, the first of which marks the beginning
        ->   (B, T, tgt_vocab)  logits: entry t scores what follows tgt[:, : t + 1]
        """
        raise NotImplementedError

    def forward(self, src: Tensor, src_lengths: Tensor, tgt: Tensor) -> Tensor:
        """Read the source, and score what may follow each prefix of the target."""
        raise NotImplementedError

    @torch.no_grad()
    def greedy(
        self, src: Tensor, src_lengths: Tensor, bos: int, eos: int, max_len: int
    ) -> list[list[int]]:
        """Write the target step by step, each time the id with the highest score.

        bos, eos  int   the ids that begin a target and end it
        max_len   int   how many ids to write at most
        ->        lists of ids, one for each row of src, without bos and eos
        """
        raise NotImplementedError
