"""GELU: a soft gate, by how likely a normal number is to lie below."""

from math import pi, sqrt

from torch import Tensor


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Multiply each entry by the share of a normal distribution that lies below it.

    x            (...)
    approximate  str    "none": the exact formula; "tanh": the one that GPT-2 uses
    ->           (...)

    Raises ValueError if approximate is neither of the two.
    Source: Hendrycks and Gimpel 2016.
    """
    raise NotImplementedError
