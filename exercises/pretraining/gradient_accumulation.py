"""Gradient accumulation: a batch too large for memory, a part at a time."""

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from ..pretraining.cross_entropy import cross_entropy


def gradient_accumulation(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> float:
    """Leave in the parameters the gradient of the mean loss over all targets of all batches.

    model    takes ids (B, T) and gives logits (B, T, V)
    batches  pairs of inputs and targets, both (B, T); a target of -100 does not count
    loss     takes logits and targets, and gives the mean over the targets that count
    ->       the mean loss, each target weighing the same; old gradients are gone

    Raises ValueError if there is no target.
    """
    raise NotImplementedError
