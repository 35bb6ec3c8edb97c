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
    raise NotImplementedError
