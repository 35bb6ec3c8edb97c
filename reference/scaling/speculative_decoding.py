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
    return 1.0 if p[token] >= q[token] else float(p[token] / q[token])


def residual(p: Tensor, q: Tensor) -> Tensor:
    """Give the probabilities from which a token is drawn in the place of one that was not kept.

    p, q  (V,)
    ->    (V,)  what p has more than q, adding up to 1; p, if it has nowhere more
    """
    more = (p - q).clamp(min=0)
    return more / more.sum() if more.sum() > 0 else p


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
    kept: list[int] = []
    for token, wanted, had in zip(draft, p, q, strict=False):
        chance = torch.rand((), generator=generator, device=generator.device).item()
        if chance >= accept_prob(wanted, had, token):
            return [*kept, int(sample(residual(wanted, had), generator))]
        kept.append(token)
    return [*kept, int(sample(p[-1], generator))]


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
    for name, number in (("context", context), ("k", k)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    while max_new_tokens > 0:
        ids = ids[:, -context:]
        count = min(k, max_new_tokens - 1, context - ids.shape[1])
        with evaluating(target), evaluating(drafter), torch.no_grad():
            drafted, q = _draft(drafter, ids, count, probs, generator)
            p = probs(target(drafted)[0, -count - 1 :])
        new = speculative_step(p, q, drafted[0, ids.shape[1] :].tolist(), generator)
        ids = torch.cat([ids, ids.new_tensor([new])], dim=1)
        max_new_tokens -= len(new)
        yield new


def _draft(drafter, ids, count, probs, generator):
    q = []
    for _ in range(count):
        q.append(probs(drafter(ids)[0, -1]))
        ids = torch.cat([ids, sample(q[-1], generator).to(ids.device).view(1, 1)], dim=1)
    return ids, q
