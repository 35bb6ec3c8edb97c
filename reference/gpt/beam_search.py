"""Beam search: several continuations are kept, and the likeliest as a whole wins."""

from collections.abc import Callable, Sequence
from math import inf


def beam_search(
    log_probs: Callable[[list[int]], Sequence[float]],
    start: Sequence[int],
    beam: int,
    max_new_tokens: int,
    eos: int,
    length_penalty: float = 0.0,
) -> list[tuple[list[int], float]]:
    """Look for the likeliest continuations, a few at a time.

    log_probs       takes ids, and gives for each token the log of its probability to come next
    start           the ids to continue
    beam            how many continuations are kept at each step
    max_new_tokens  how many ids to append at most
    eos             the id that ends a continuation
    length_penalty  the power of the length by which a sum of logs is divided in the end
    ->              at most `beam` pairs of ids, start included, and score, the best first

    Raises ValueError if beam is below 1.
    Source: Graves 2012; Wu et al. 2016, section 7, for the length.
    """
    if beam < 1:
        raise ValueError(f"beam must be at least 1, got {beam}")
    open_, ended = [(list(start), 0.0)], []
    for _ in range(max_new_tokens):
        longer = [
            ([*ids, token], total + float(more))
            for ids, total in open_
            for token, more in enumerate(log_probs(ids))
            if more > -inf
        ]
        best = sorted(longer, key=lambda one: -one[1])[:beam]
        ended += [one for one in best if one[0][-1] == eos]
        open_ = [one for one in best if one[0][-1] != eos]

    def score(ids: list[int], total: float) -> float:
        return total / max(len(ids) - len(start), 1) ** length_penalty

    scored = [(ids, score(ids, total)) for ids, total in ended + open_]
    return sorted(scored, key=lambda one: -one[1])[:beam]
