"""Softmax: scores become shares of a whole."""

import torch
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Turn scores into positive shares that add up to 1 along one axis.

    x   (..., n, ...)  scores; -inf is a score that gets no share
    ->  (..., n, ...)  of the type of x; zeros where every score is -inf
    """
    raise NotImplementedError
