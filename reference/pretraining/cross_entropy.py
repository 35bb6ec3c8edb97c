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
    counted = targets != ignore_index
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    shifted = wide - wide.detach().amax(-1, keepdim=True)  # the largest becomes exp(0)
    total = shifted.exp().sum(-1).log()
    chosen = targets.masked_fill(~counted, 0)[..., None]
    surprise = total - shifted.gather(-1, chosen).squeeze(-1)
    return (surprise.masked_fill(~counted, 0.0).sum() / counted.sum()).to(logits.dtype)
