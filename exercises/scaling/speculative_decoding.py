"""Speculative decoding: a small model guesses ahead, a large one checks all guesses at once."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from ..gpt.generate import evaluating
from ..gpt.sampling import sample


def accept_prob(p: Tensor, q: Tensor, token: int) -> float:
    """Say with which probability a token that was drawn from q is kept: min(1, p / q).

    p, q  (V,)  the probabilities of the target and of the draft
    """
    raise NotImplementedError


def residual(p: Tensor, q: Tensor) -> Tensor:
    """Give the probabilities from which a token is drawn in the place of one that was not kept.

    p, q  (V,)
    ->    (V,)  what p has more than q, adding up to 1; p, if it has nowhere more
    """
    raise NotImplementedError


def speculative_step(
    p: Tensor, q: Sequence[Tensor], draft: Sequence[int], generator: torch.Generator
) -> list[int]:
    """Keep the drafted tokens up to the first that is refused, and draw one more.

    p      (K + 1, V)  the target's probabilities at each place of the draft, and after it
    q      K times (V,)  those from which the draft was drawn
    draft              K tokens
    ->                 1 to K + 1 tokens, distributed as if each had been drawn from p

    Source: Leviathan et al. 2022, algorithm 1.
    """
    raise NotImplementedError


def speculate(
    target: nn.Module,
    drafter: nn.Module,
    ids: Tensor,
    max_new_tokens: int,
    context: int,
    probs: Callable[[Tensor], Tensor],
    generator: torch.Generator,
    k: int = 4,
) -> Iterator[list[int]]:
    """Continue ids as the target would, asking it once a step.

    target, drafter  take (1, T), T at most context, and give logits (1, n, V) of the last places,
                     at least of those that they are asked about for the first time
    ids              (1, T)  what to continue, T at least 1
    max_new_tokens   int     how many ids to write
    context          int     how many ids the models read: the last ones
    probs                    turns logits, (..., V), into the probabilities of what is next
    k                int     how many ids are drafted at a time, as far as there is room
    ->               the ids of each step: what was kept of the draft, and one more

    Raises ValueError if context or k is below 1.
    """
    raise NotImplementedError
