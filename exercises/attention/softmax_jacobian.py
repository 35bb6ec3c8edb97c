"""Why scores are divided by the root of d_k: what a saturated softmax does to gradients."""

from math import sqrt

import torch
from torch import Tensor

from ..attention.softmax import softmax

KEYS = 16


def softmax_jacobian(p: Tensor) -> Tensor:
    """Differentiate every share by every score, given the shares.

    p   (..., n)     a softmax
    ->  (..., n, n)  entry i, j is the derivative of share i by score j
    """
    raise NotImplementedError


def score_stats(
    d_k: int, n: int, scaled: bool, generator: torch.Generator | None = None
) -> dict[str, float]:
    """Measure the scores of n random queries, each with 16 random keys.

    d_k        int   the length of queries and keys, whose entries are standard normal
    scaled     bool  divide each score by the root of d_k
    generator        the source of all that is random
    ->         "var"                 the variance of the scores
               "mean_max_prob"       the largest share of each softmax, on average
               "mean_jacobian_norm"  the Frobenius norm of each softmax's Jacobian, on average
    """
    raise NotImplementedError
