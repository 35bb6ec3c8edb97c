"""The training loop: a step, and many of them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import inf, isfinite

import torch
from torch import Tensor, nn

from ..pretraining.clip_grad_norm import clip_grad_norm
from ..pretraining.cross_entropy import cross_entropy
from ..pretraining.gradient_accumulation import gradient_accumulation

Batch = tuple[Tensor, Tensor]


def train_step(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    *,
    lr: float | None = None,
    max_norm: float | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> dict[str, float]:
    """Make one step of the optimiser on the mean loss over some batches.

    lr        sets the learning rate of every group, before the step
    max_norm  clips the gradients
    loss      takes logits and targets
    ->        "loss" before the step, "grad_norm" before clipping, "lr" of the first group

    Raises FloatingPointError if loss or gradient is not finite; the parameters stay as they were.
    """
    raise NotImplementedError


def training_loop(
    model: nn.Module,
    loader: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    schedule: Callable[[int], float],
    steps: int,
    *,
    max_norm: float | None = None,
    eval_every: int | None = None,
    eval_fn: Callable[[nn.Module], float] | None = None,
) -> list[dict[str, float]]:
    """Train for some steps.

    loader      one batch for each step; begins anew when it is exhausted
    schedule    takes a step, the first is 0, and gives its learning rate
    eval_every  after every so many steps, and after the last, eval_fn takes the model; whatever
                it draws at random, or does to the mode, makes no difference to the training
    ->          for each step what train_step gave, with "step" and, where evaluated, "eval"

    Raises ValueError if loader is empty.
    """
    raise NotImplementedError
