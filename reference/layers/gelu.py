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
        twice = 2 * sqrt(2 / pi)  # sigmoid(2 * u) is (1 + tanh(u)) / 2, in fewer steps
        return x * (x * (twice + twice * 0.044715 * x * x)).sigmoid()
    raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
