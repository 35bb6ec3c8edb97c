"""spec/pretraining/cosine_schedule.md, clause by clause."""

from math import cos, pi, sqrt

from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_examples, assert_holds, assert_raises

heights = st.sampled_from([(1.0, 0.1), (3e-4, 3e-5), (0.5, 0.0), (2.0, 1.5), (0.25, 0.25)])
ramps = st.sampled_from([3, 1, 2, 10, 57])  # none at all has a clause of its own
waves = st.sampled_from([8, 1, 2, 3, 7, 100])


def by_the_definition(step, height, floor, warmup, total):
    """Follow the formula, case by case."""
    if step < warmup:
        return height * step / warmup
    if step >= total:
        return floor
    return floor + (height - floor) * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2


def rates(kata, steps, heights, warmup, total):
    """Ask for the rates of some steps, which must be floats."""
    found = []
    for step in steps:
        settings = {"max_lr": heights[0], "min_lr": heights[1], "warmup": warmup, "total": total}
        found.append(kata.cosine_schedule(step, **settings))
        told = f"returned {type(found[-1]).__name__}, not float"
        assert_holds(isinstance(found[-1], float), told)
    return found


def assert_rate(kata, step, right, heights, warmup, total):
    (rate,) = rates(kata, [step], heights, warmup, total)
    told = f"returned {rate:.9g}, not {right:.9g}"
    assert_holds(abs(rate - right) <= 1e-9 * heights[0], told, rate)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(
    heights=heights,
    warmup=st.sampled_from([3, 0, 1, 10, 57]),
    wave=st.sampled_from([8, 0, 1, 2, 3, 7, 100]),
)
@example(heights=(1.0, 0.1), warmup=4, wave=8)
@example(heights=(1.0, 0.1), warmup=0, wave=0)
def test_it_agrees_with_the_definition(kata, heights, warmup, wave):
    total = warmup + wave
    for step in range(total + 21):
        right = by_the_definition(step, *heights, warmup, total)
        assert_rate(kata, step, right, heights, warmup, total)


@given(heights=heights, wave=waves)
@example(heights=(1.0, 0.1), wave=8)
def test_a_ramp_may_be_missing(kata, heights, wave):
    assert_rate(kata, 0, heights[0], heights, 0, wave)
    assert_rate(kata, wave, heights[1], heights, 0, wave)


@given(heights=heights, warmup=st.sampled_from([4, 0, 1, 10]))
@example(heights=(1.0, 0.1), warmup=4)
@example(heights=(1.0, 0.1), warmup=0)
def test_a_wave_may_be_missing(kata, heights, warmup):
    assert_rate(kata, 0, 0.0 if warmup else heights[1], heights, warmup, warmup)
    for step in (warmup, warmup + 1, warmup + 9):
        assert_rate(kata, step, heights[1], heights, warmup, warmup)


@given(heights=heights, warmup=ramps, wave=waves)
@example(heights=(1.0, 0.1), warmup=4, wave=8)
def test_the_ramp_is_straight_and_begins_at_zero(kata, heights, warmup, wave):
    for step in range(warmup):
        assert_rate(kata, step, heights[0] * step / warmup, heights, warmup, warmup + wave)


@given(heights=heights, warmup=ramps, wave=waves)
@example(heights=(1.0, 0.1), warmup=4, wave=8)
def test_the_height_is_reached_where_the_ramp_ends(kata, heights, warmup, wave):
    assert_rate(kata, warmup, heights[0], heights, warmup, warmup + wave)


@given(heights=heights, warmup=ramps, wave=waves, later=st.sampled_from([1, 0, 2, 8, 12, 100000]))
@example(heights=(1.0, 0.1), warmup=4, wave=8, later=8)
def test_after_the_wave_the_rate_stays_low(kata, heights, warmup, wave, later):
    total = warmup + wave
    assert_rate(kata, total + later, heights[1], heights, warmup, total)


@given(heights=heights, warmup=ramps, wave=waves)
@example(heights=(1.0, 0.1), warmup=4, wave=8)
def test_it_climbs_and_then_only_falls(kata, heights, warmup, wave):
    total, last = warmup + wave, 0.0
    slack = 1e-9 * heights[0]
    for step in range(total + 2 * wave):
        (rate,) = rates(kata, [step], heights, warmup, total)
        inside = -slack <= rate <= heights[0] + slack
        assert_holds(inside, f"returned {rate:.9g}, which is not from 0 to {heights[0]}")
        told = f"returned {rate:.9g}, after {last:.9g} at the step before"
        fits = rate >= last - slack if step <= warmup else rate <= last + slack
        assert_holds(fits, told)
        last = rate


@given(heights=heights, warmup=ramps, half=st.sampled_from([4, 1, 2, 9, 50]))
@example(heights=(1.0, 0.1), warmup=4, half=4)
def test_half_way_down_the_rate_is_half_way(kata, heights, warmup, half):
    middle, total, mean = warmup + half, warmup + 2 * half, sum(heights) / 2
    assert_rate(kata, middle, mean, heights, warmup, total)
    for k in range(1, half + 1):
        (before,) = rates(kata, [middle - k], heights, warmup, total)
        assert_rate(kata, middle + k, 2 * mean - before, heights, warmup, total)


@given(heights=heights, warmup=ramps, quarter=st.sampled_from([2, 1, 3, 25]))
@example(heights=(1.0, 0.1), warmup=4, quarter=2)
def test_a_quarter_of_the_way_leaves_85_percent(kata, heights, warmup, quarter):
    right = heights[1] + (heights[0] - heights[1]) * (2 + sqrt(2)) / 4
    assert_rate(kata, warmup + quarter, right, heights, warmup, warmup + 4 * quarter)


def test_a_total_below_warmup_is_refused(kata):
    for step, warmup, total in ((0, 4, 3), (7, 12, 5), (100, 57, 0)):
        for mentions in ("total", str(warmup), str(total)):
            with assert_raises(ValueError, mentions=mentions):
                rates(kata, [step], (1.0, 0.1), warmup, total)
