"""Cross-entropy: how surprised a model is by what comes."""

import torch
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    """Average minus the log of the probability that each row of scores gives its target.

    logits        (..., V)
    targets       (...)    ids; rows whose target is ignore_index do not count
    ignore_index  int
    ->            ()       nats for each target that counts; nan if there is none
    """
    raise NotImplementedError
