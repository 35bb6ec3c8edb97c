"""Simple attention: every position becomes an average, weighted by likeness."""

from torch import Tensor

from ..attention.softmax import softmax


def simple_attention(x: Tensor) -> tuple[Tensor, Tensor]:
    """Replace each vector by an average of all, in which those like it weigh most.

    x   (..., T, C)
    ->  (..., T, C)  the averages
        (..., T, T)  the weights: row i holds what position i takes from each
    """
    raise NotImplementedError
