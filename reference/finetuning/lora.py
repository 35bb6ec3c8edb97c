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
        super().__init__()
        if r < 1:
            raise ValueError(f"r must be at least 1, got {r}")
        self.scale, self.drop = alpha / r, Dropout(dropout)
        weight, (d_out, d_in) = base.weight.detach(), base.weight.shape
        self.A = nn.Parameter(weight.new_empty(r, d_in).normal_() / d_in**0.5)
        self.B = nn.Parameter(weight.new_zeros(d_out, r))
        self.base = base.requires_grad_(False)
        self.train(base.training)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the thin matrices say to what the layer says: base(x) + alpha / r * x A^T B^T.

        x   (..., in)
        ->  (..., out)

        Source: Hu et al. 2021, section 4.1.
        """
        return self.base(x) + self.scale * (self.drop(x) @ self.A.mT @ self.B.mT)

    @torch.no_grad()
    def merge(self) -> nn.Linear:
        """Make one linear layer that does the same, and learns; this one stays as it is."""
        merged = deepcopy(self.base).requires_grad_(True)
        merged.weight += self.scale * (self.B @ self.A)
        return merged


def inject_lora(
    model: nn.Module, r: int, alpha: float, match: Match, dropout: float = 0.0
) -> list[str]:
    """Freeze a model, and put a LoRALinear in the place of linear layers. It changes in place.

    match  takes the name of an nn.Linear and the layer, and says whether it is to be replaced
    ->     the names of those replaced, in the order of the model

    Raises ValueError if the model has a LoRALinear already, if no layer matches, or as LoRALinear
    does; the model is then left alone.
    """
    if any(isinstance(module, LoRALinear) for module in model.modules()):
        raise ValueError("model must have no LoRALinear yet, got one that has: merge it first")
    layers = [(n, m) for n, m in model.named_modules() if n and isinstance(m, nn.Linear)]
    chosen = {name: linear for name, linear in layers if match(name, linear)}
    if not chosen:
        raise ValueError(f"match must choose one of the layers [{', '.join(n for n, _ in layers)}]")
    adapted = [LoRALinear(linear, r, alpha, dropout) for linear in chosen.values()]
    model.requires_grad_(False)
    for linear, new in zip(chosen.values(), adapted, strict=True):
        _replace(model, linear, new)
    return list(chosen)


def merge_lora(model: nn.Module) -> list[str]:
    """Put one linear layer back in the place of each LoRALinear, and return their names."""
    found = {n: m for n, m in model.named_modules() if n and isinstance(m, LoRALinear)}
    for adapted in found.values():
        _replace(model, adapted, adapted.merge())
    return list(found)


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    places = [n for n, m in model.named_modules(remove_duplicate=False) if m is old]
    for parent, _, own in (name.rpartition(".") for name in places):
        setattr(model.get_submodule(parent), own, new)
