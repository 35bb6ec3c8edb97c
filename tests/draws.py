"""The law about chance: what is drawn is drawn as often as its probability says."""

import torch
from torch import Tensor

from tests.laws import assert_holds


def assert_drawn(drawn: Tensor, probs: Tensor, what: str = "the ids"):
    """Assert that ids were drawn as often as these probabilities say, by a chi-square at 1e-6."""
    __tracebackhide__ = True
    never = probs == 0
    counts = (drawn.flatten() == torch.arange(len(probs))[:, None]).sum(-1).double()
    outside = drawn.numel() - int(counts[~never].sum())
    told = f"drew ids of probability 0, or ids that there are not, {outside} times"
    assert_holds(not outside, told, drawn)
    expected = (probs * drawn.numel())[~never]
    far = ((counts[~never] - expected).square() / expected).sum() / 2
    by_chance = torch.special.gammaincc(torch.tensor((len(expected) - 1) / 2).double(), far)
    shares, right = (
        [round(share, 3) for share in row.tolist()] for row in (counts / drawn.numel(), probs)
    )
    told = f"drew {what} with the shares {shares}, where the probabilities are {right}"
    if len(probs) > 10:
        told = f"drew {int(counts.count_nonzero())} of {len(probs)} ids, some far too often"
    assert_holds(bool(by_chance > 1e-6), told, drawn)
