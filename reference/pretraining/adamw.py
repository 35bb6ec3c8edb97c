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
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings)
        for given in (settings, *self.param_groups):
            for name in ("lr", "eps", "weight_decay"):
                if not given[name] >= 0:
                    raise ValueError(f"{name} must be at least 0, got {given[name]}")
            if not all(0 <= beta < 1 for beta in given["betas"]):
                raise ValueError(f"betas must be from 0 to below 1, got {given['betas']}")

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Move each parameter that has a gradient by one step.

        closure  computes the loss anew, with its gradients
        ->       what closure gave

        Source: Loshchilov and Hutter 2019.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group)
        return loss

    def _move(self, p: Tensor, g: Tensor, group: dict) -> None:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["step"] += 1
        m, v, t = state["m"], state["v"], state["step"]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (v / (1 - beta2**t)).sqrt_().add_(group["eps"])
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.addcdiv_(m, root, value=-group["lr"] / (1 - beta1**t))
