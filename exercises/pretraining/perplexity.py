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
    raise NotImplementedError


def perplexity(loss: float) -> float:
    """Turn a mean loss in nats into the number of equally likely tokens that would cost as much.

    ->  inf where the number is too large for a float
    """
    raise NotImplementedError
