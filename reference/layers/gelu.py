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
    if approximate == "none":
        return x * (0.5 + 0.5 * (x * sqrt(0.5)).erf())
    if approximate == "tanh":
        return x * (0.5 + 0.5 * (x * (1 + 0.044715 * x * x) * sqrt(2 / pi)).tanh())
    raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
