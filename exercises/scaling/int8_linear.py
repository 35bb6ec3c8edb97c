"""Int8: a weight in one byte, and a scale for each row."""

import torch
from torch import Tensor, nn

LARGEST = 127


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to the whole multiples, from -127 to 127, of a step of its own.

    weight  (out, in)
    ->      (out, in)  int8
            (out, 1)   the step of each row, of the type of weight: its largest entry / 127, or 1
                       where that is 0

    Source: Dettmers et al. 2022, section 2.
    """
    raise NotImplementedError


def dequantize(q: Tensor, scale: Tensor) -> Tensor:
    """Give the weight that rounded rows stand for.

    q      (out, in)  int8
    scale  (out, 1)
    ->     (out, in)  of the type of scale
    """
    raise NotImplementedError


class Int8Linear(nn.Module):
    """A linear layer whose weight takes a byte for each number. It does not learn."""

    def __init__(self, linear: nn.Linear):
        """Take the weight and the bias of a linear layer, which stays as it is.

        q      (out, in)  a buffer, int8
        scale  (out, 1)   a buffer, of the type of the weight
        bias   (out,)     a buffer, if the layer has one
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by what the rows stand for.

        x   (..., in)
        ->  (..., out)  of the type of x
        """
        raise NotImplementedError


def weight_bytes(module: nn.Module) -> int:
    """Count the bytes of all that is saved with a module; what stands in two places counts once."""
    raise NotImplementedError
