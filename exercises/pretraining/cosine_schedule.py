"""Cosine schedule: the learning rate climbs a straight ramp, and comes down half a wave."""

from math import cos, pi


def cosine_schedule(step: int, *, max_lr: float, min_lr: float, warmup: int, total: int) -> float:
    """Give the learning rate of a step.

    step    int    the first step is 0
    max_lr  float  where the ramp ends
    min_lr  float  where the wave ends, and what is used from then on
    warmup  int    how many steps the ramp takes
    total   int    the step at which the wave ends

    Raises ValueError if total is below warmup.
    Source: Loshchilov and Hutter 2017; Goyal et al. 2017 for the ramp.
    """
    raise NotImplementedError
