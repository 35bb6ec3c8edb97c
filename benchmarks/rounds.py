"""Measures several programs in turn, so that a machine whose speed drifts does so for all."""

import statistics
import time
from collections.abc import Callable


def interleaved(programs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run A, B, C, A, B, C and so on. Return the CPU seconds, of all threads, of each run."""
    seconds = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.process_time()
            program()
            seconds[name].append(time.process_time() - start)
    return seconds


def ratios(seconds: dict[str, list[float]], base: str) -> list[dict]:
    """Compare every program with `base`, round by round: a row for each, with medians."""
    return [
        {
            "program": name,
            "seconds": statistics.median(mine),
            "ratio": statistics.median(a / b for a, b in zip(mine, seconds[base], strict=True)),
            "least": min(a / b for a, b in zip(mine, seconds[base], strict=True)),
            "most": max(a / b for a, b in zip(mine, seconds[base], strict=True)),
        }
        for name, mine in seconds.items()
    ]
