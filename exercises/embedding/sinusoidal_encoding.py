"""Sinusoidal position encoding: the hands of many clocks."""

import torch
from torch import Tensor


def sinusoidal_encoding(length: int, dim: int, base: float = 10000.0) -> Tensor:
    """Give each position a vector of sines and cosines, from fast to slow.

    ->  (length, dim)  float32; column 2i is sin(t / base**(2i / dim)), column 2i + 1 its cosine

    Raises ValueError if dim is odd.
    """
    raise NotImplementedError
