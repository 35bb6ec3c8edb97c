"""Classifier: a model that continues text becomes one that judges it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..gpt.generate import evaluating

STD = 0.02
TRAINABLE = ("head", "last_block", "all")


def to_classifier(model: nn.Module, n_classes: int, trainable: str = "last_block") -> nn.Module:
    """Give a GPT a head that scores classes, and freeze what is not to learn. It changes in place.

    trainable  "head", "last_block" (with ln_f and the head), or "all"
    ->         the model, which now gives (..., T, n_classes)

    The new head has a weight, normal with standard deviation 0.02, and a bias of zeros.
    Raises ValueError if n_classes is below 2, or trainable none of the three.
    """
    raise NotImplementedError


def last_token_logits(logits: Tensor, lengths: Tensor) -> Tensor:
    """Take the scores at the last real token of each row, the one that has seen the whole text.

    logits   (B, T, n_classes)
    lengths  (B,)              how many tokens of each row are real
    ->       (B, n_classes)

    Raises ValueError if a length is not from 1 to T.
    """
    raise NotImplementedError


@torch.no_grad()
def accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> float:
    """Return the share of rows whose highest score is that of their label.

    model    takes ids (B, T) and gives (B, T, n_classes); it is asked in evaluation mode
    batches  triples of ids (B, T), lengths (B,) and labels (B,)

    Raises ValueError if there is no row.
    """
    raise NotImplementedError
