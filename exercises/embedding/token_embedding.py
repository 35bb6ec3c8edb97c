"""Token embedding: a table of vectors, looked up by id."""

import torch
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """A vector for each id, to be learned."""

    def __init__(self, num_embeddings: int, dim: int):
        """Draw the table from the standard normal distribution.

        weight  (num_embeddings, dim)  a parameter: row i is the vector of id i
        """
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the vector of each id.

        ids  (...)       integers from 0 to num_embeddings - 1
        ->   (..., dim)

        Raises IndexError if an id is below 0 or not below num_embeddings.
        """
        raise NotImplementedError
