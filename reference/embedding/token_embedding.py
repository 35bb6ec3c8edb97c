"""Token embedding: a table of vectors, looked up by id."""

import torch
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """A vector for each id, to be learned."""

    def __init__(self, num_embeddings: int, dim: int):
        """Draw the table from the standard normal distribution.

        weight  (num_embeddings, dim)  a parameter: row i is the vector of id i
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_embeddings, dim))

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the vector of each id.

        ids  (...)       integers from 0 to num_embeddings - 1
        ->   (..., dim)

        Raises IndexError if an id is below 0 or not below num_embeddings.
        """
        outside = ids[(ids < 0) | (ids >= len(self.weight))]
        if len(outside):
            raise IndexError(f"ids must be from 0 to {len(self.weight) - 1}, got {outside[0]}")
        return self.weight[ids]
