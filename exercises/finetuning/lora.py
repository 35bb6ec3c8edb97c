"""LoRA: the weights stay, and a product of two thin matrices is learned beside them."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from ..layers.dropout import Dropout

Match = Callable[[str, nn.Module], bool]


class LoRALinear(nn.Module):
    """A frozen linear layer, and beside it a way through r channels that learns."""

    def __init__(self, base: nn.Linear, r: int, alpha: float, dropout: float = 0.0):
        """Take a linear layer in, freeze it, and make the two matrices, of its type and mode.

        base     an nn.Linear, (out, in); its parameters do not learn any more
        A        (r, in)   a parameter, normal with standard deviation 1 / sqrt(in)
        B        (out, r)  a parameter, zeros
        dropout  float     the share of inputs dropped in training, on the way through A alone

        Raises ValueError if r is below 1, or dropout below 0 or above 1; base is then left alone.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Add what the thin matrices say to what the layer says: base(x) + alpha / r * x A^T B^T.

        x   (..., in)
        ->  (..., out)

        Source: Hu et al. 2021, section 4.1.
        """
        raise NotImplementedError

    @torch.no_grad()
    def merge(self) -> nn.Linear:
        """Make one linear layer that does the same, and learns; this one stays as it is."""
        raise NotImplementedError


def inject_lora(
    model: nn.Module, r: int, alpha: float, match: Match, dropout: float = 0.0
) -> list[str]:
    """Freeze a model, and put a LoRALinear in the place of linear layers. It changes in place.

    match  takes the name of an nn.Linear and the layer, and says whether it is to be replaced
    ->     the names of those replaced, in the order of the model

    Raises ValueError if the model has a LoRALinear already, if no layer matches, or as LoRALinear
    does; the model is then left alone.
    """
    raise NotImplementedError


def merge_lora(model: nn.Module) -> list[str]:
    """Put one linear layer back in the place of each LoRALinear, and return their names."""
    raise NotImplementedError
