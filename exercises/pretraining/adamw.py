"""AdamW: steps of like size for every weight, and a decay that goes its own way."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        """Keep the settings; a group of parameters may have its own.

        Raises ValueError if lr, eps or weight_decay is below 0, or a beta not in [0, 1),
        in a group, too.
        """
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Move each parameter that has a gradient by one step.

        closure  computes the loss anew, with its gradients
        ->       what closure gave

        Source: Loshchilov and Hutter 2019.
        """
        raise NotImplementedError
