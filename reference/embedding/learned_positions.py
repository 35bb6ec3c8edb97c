"""Learned positions: what stands where is the sum of two vectors that are looked up."""

from math import sqrt

import torch
from torch import Tensor, nn

from ..embedding.token_embedding import TokenEmbedding


class InputEmbedding(nn.Module):
    """What enters a model: a vector for each token, plus one for its position."""

    def __init__(self, vocab: int, context: int, dim: int, scale: bool = False):
        """Make the two tables.

        tok.weight  (vocab, dim)    a parameter: the vector of each token
        pos.weight  (context, dim)  a parameter: the vector of each position
        scale       bool            multiply the vectors of tokens by the root of dim
        """
        super().__init__()
        self.tok = TokenEmbedding(vocab, dim)
        self.pos = TokenEmbedding(context, dim)
        self.factor = sqrt(dim) if scale else 1.0

    def forward(self, ids: Tensor, offset: int = 0) -> Tensor:
        """Add to the vector of each token the vector of its position.

        ids     (..., T)       token ids
        offset  int            the position of the first of them
        ->      (..., T, dim)

        Raises ValueError if a position would lie beyond the table, or before it.
        """
        T, context = ids.shape[-1], len(self.pos.weight)
        if offset < 0 or offset + T > context:
            told = (
                f"offset + T = {offset} + {T} = {offset + T} is not within a context of {context}"
            )
            raise ValueError(told)
        positions = torch.arange(offset, offset + T, device=ids.device)
        return self.tok(ids) * self.factor + self.pos(positions)
