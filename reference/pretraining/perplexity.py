"""Perplexity: among how many tokens a model is undecided."""

from collections.abc import Iterable
from math import exp, inf

import torch
from torch import Tensor, nn

from ..gpt.generate import evaluating
from ..pretraining.cross_entropy import cross_entropy


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Average the loss over all targets of all batches, each target weighing the same.

    model    takes ids (B, T) and gives logits (B, T, V)
    batches  pairs of inputs and targets, both (B, T); a target of -100 does not count
    ->       nats for each target

    Raises ValueError if there is no target.
    """
    total, count = 0.0, 0
    with evaluating(model):
        for inputs, targets in batches:
            counted = int((targets != -100).sum())
            if counted:
                total += cross_entropy(model(inputs), targets).item() * counted
                count += counted
    if not count:
        raise ValueError("batches must hold at least one target")
    return total / count


def perplexity(loss: float) -> float:
    """Turn a mean loss in nats into the number of equally likely tokens that would cost as much.

    ->  inf where the number is too large for a float
    """
    try:
        return exp(loss)
    except OverflowError:
        return inf
