"""Scaled dot-product attention: an average of values, weighted by how queries match keys."""

from math import sqrt

import torch.nn.functional as F
from torch import Tensor

from ..attention.softmax import softmax


def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    dropout: float = 0.0,
    return_weights: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Average the values, each weighted by the match of its key with the query.

    q        (..., Tq, dk)  queries
    k        (..., Tk, dk)  keys
    v        (..., Tk, dv)  values
    mask     bool           broadcastable to (..., Tq, Tk); True where a query may see a key
    dropout  float          the share of weights that is dropped at random
    ->       (..., Tq, dv)  zeros for a query that may see no key
             (..., Tq, Tk)  with return_weights, a second result: the weights before dropout

    Source: Vaswani et al. 2017, section 3.2.1.
    """
    scores = (q / sqrt(q.shape[-1])) @ k.mT  # cheaper than to divide all Tq * Tk scores
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = softmax(scores)
    output = F.dropout(weights, dropout) @ v
    return (output, weights) if return_weights else output
