"""Generation: what the model scores highest is written, and read again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode, and in the end each of its modules back in its own."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def greedy(logits: Tensor) -> Tensor:
    """Pick the id with the highest score, the lowest such id.

    logits  (B, V)
    ->      (B,)
    """
    return logits.argmax(-1)


def generate(
    model: nn.Module,
    ids: Tensor,
    max_new_tokens: int,
    context: int,
    *,
    eos: int | None = None,
    pick: Callable[[Tensor], Tensor] = greedy,
) -> Tensor:
    """Append ids, one at a time, each picked from the scores after those before it.

    model           takes (B, T), T at most context, and gives logits (B, T, V)
    ids             (B, T)            what to continue, T at least 1
    max_new_tokens  int               how many ids to append at most
    context         int               how many ids the model reads: the last ones
    eos             int               written, it ends its row, which holds eos from there on; when
                                      every row has ended, nothing more is written
    pick                              takes the last logits, (B, V), and gives ids, (B,)
    ->              (B, T + written)  the model is asked in evaluation mode, without gradients

    Raises ValueError if context is below 1.
    """
    if context < 1:
        raise ValueError(f"context must be at least 1, got {context}")
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    with evaluating(model), torch.no_grad():
        for _ in range(max_new_tokens):
            picked = pick(model(ids[:, -context:])[:, -1])
            if eos is not None:
                picked = picked.masked_fill(ended, eos)
                ended |= picked == eos
            ids = torch.cat([ids, picked[:, None]], dim=1)
            if eos is not None and ended.all():
                break
    return ids
