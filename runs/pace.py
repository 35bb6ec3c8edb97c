"""How large a step is: the rate rises for a while, then falls along half a wave."""

from grader.trees import Tree

WARMUP, LAST, MAX_NORM = 20, 0.1, 1.0  # a 20th of the steps; a share of the highest rate


def rate(katas: Tree, made: int, steps: int, highest: float) -> float:
    """Return the learning rate of the step that comes after `made` of `steps`."""
    cosine_schedule = katas.load("pretraining/cosine_schedule").cosine_schedule
    return cosine_schedule(
        made, max_lr=highest, min_lr=highest * LAST, warmup=max(steps // WARMUP, 1), total=steps
    )
