"""spec/data/get_batch.md, clause by clause."""

import random
import re
import tracemalloc
from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises

sizes = st.integers(1, 5)
spare = st.integers(1, 5)  # how many starts are possible
seeds = st.integers(0, 2**32)
HARD = [0, 127, 128, 255, 256, 32767, 32768, 50256, 65535]
FILE = 1 << 26  # bytes of a file that is not to be read whole
SMAPS = Path("/proc/self/smaps")  # where Linux tells what is in memory of each mapped file


def seeded(seed):
    """Make a generator that begins at a seed."""
    return torch.Generator().manual_seed(seed)


def tens(length):
    """List 0, 10, 20 and so on: ids that show where they came from."""
    return 10 * np.arange(length)


def starts(batch):
    """Tell where in `tens` the windows of a batch start."""
    inputs, _ = batch
    return [first // 10 for first in inputs[:, 0].tolist()]


def by_the_definition(ids, starts, context):
    """Count out every entry of the windows at these starts."""
    inputs = [[int(ids[s + j]) for j in range(context)] for s in starts]
    targets = [[int(ids[s + j + 1]) for j in range(context)] for s in starts]
    return torch.tensor(inputs), torch.tensor(targets)


def global_states():
    """Write down the state of every generator that belongs to nobody."""
    kind, keys, *place = np.random.get_state()
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": (kind, keys.tolist(), place),
        "Python": random.getstate(),
    }


def allocated(call, *arguments):
    """Count the bytes that Python and numpy take at most during a call."""
    tracemalloc.start()
    try:
        call(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def in_memory(file):
    """Count the bytes of a mapped file that were read; 0 where the system does not tell."""
    told = SMAPS.read_text("utf-8", "replace") if SMAPS.exists() else ""
    size = re.search(r"^Rss: +(\d+) kB", told.partition(f"{file}\n")[2], re.M)
    return int(size[1]) << 10 if size else 0


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@settings(max_examples=50)
@given(ids=st.permutations(HARD), batch_size=sizes, context=sizes, seed=seeds)
@example(ids=HARD, batch_size=2, context=3, seed=0)
def test_it_agrees_with_the_definition(kata, ids, batch_size, context, seed):
    row = np.array(ids, dtype=np.uint16)
    returned = kata.get_batch(row, batch_size, context, seeded(seed))
    firsts = returned[0][:, 0].tolist()
    at = [ids.index(first) for first in firsts if first in ids[: len(ids) - context]]
    told = f"starts its windows with {firsts}, which are not {batch_size} ids of its argument"
    assert_holds(len(at) == batch_size, told)
    for found, expected in zip(returned, by_the_definition(ids, at, context), strict=True):
        assert_equal(found, expected)


@given(spare=spare, context=sizes, batch_size=sizes, seed=seeds)
@example(spare=40, context=3, batch_size=5, seed=0)
def test_the_target_is_the_input_one_step_later(kata, spare, context, batch_size, seed):
    ids = tens(spare + context)
    follows = dict(pairwise(ids.tolist()))
    inputs, targets = kata.get_batch(ids, batch_size, context, seeded(seed))
    for x, y in zip(inputs.flatten().tolist(), targets.flatten().tolist(), strict=False):
        told = f"gave the input {x} the target {y}; what follows {x} is {follows.get(x, 'nothing')}"
        assert_holds(follows.get(x) == y, told)


@given(spare=spare, context=sizes, batch_size=sizes, seed=seeds)
@example(spare=40, context=3, batch_size=2, seed=0)
def test_a_window_is_a_run_of_neighbours(kata, spare, context, batch_size, seed):
    ids = tens(spare + context)
    for rows in kata.get_batch(ids, batch_size, context, seeded(seed)):
        for row in rows.tolist():
            run = [row[0] + 10 * j for j in range(context)]
            assert_holds(row == run, f"gave the row {row}; the run from {row[0]} on is {run}")


def test_every_start_is_possible(kata):
    generator = seeded(0)
    for possible, context in ((5, 3), (1, 2), (2, 4), (3, 1), (4, 7)):
        ids = tens(possible + context)
        seen = {starts(kata.get_batch(ids, 1, context, generator))[0] for _ in range(100)}
        missed = sorted({*range(possible)} - seen)
        told = f"never started at {missed} in 100 batches; the starts 0 to {possible - 1} fit"
        assert_holds(not missed, told)


def test_the_windows_of_a_batch_are_drawn_independently(kata):
    generator = seeded(0)
    seen = {tuple(starts(kata.get_batch(tens(3 + 2), 2, 2, generator))) for _ in range(200)}
    for a, b in product(range(3), repeat=2):
        told = f"never started at {a} and {b} in 200 batches of two windows"
        assert_holds((a, b) in seen, told)


def test_every_start_is_as_likely_as_the_others(kata):
    counts = Counter(starts(kata.get_batch(tens(8 + 4), 8000, 4, seeded(0))))
    for start in range(8):
        told = f"started {counts[start]} of 8000 windows at {start}, not about 1000"
        assert_holds(750 < counts[start] < 1250, told)


def test_every_start_is_as_likely_as_the_others__in_a_long_row_too(kata):
    ids = np.tile(np.arange(2**8, dtype=np.uint8), 2**17 + 1)[: 2**25 + 1]
    inputs, _ = kata.get_batch(ids, 64, 1, seeded(0))
    odd = sum(first % 2 for first in inputs[:, 0].tolist())
    told = f"started {odd} of 64 windows at an odd place: float32 does not count to 2**25 by ones"
    assert_holds(0 < odd < 64, told)


def test_all_randomness_comes_from_the_generator(kata):
    first, again = (starts(kata.get_batch(tens(10**5), 8, 4, seeded(7))) for _ in range(2))
    assert_holds(first == again, "gave another batch for a second generator with the same seed")
    other = starts(kata.get_batch(tens(10**5), 8, 4, seeded(8)))
    assert_holds(first != other, "gave the same batch for a generator with another seed")


def test_all_randomness_comes_from_the_generator__and_no_other_is_moved(kata):
    before = global_states()
    kata.get_batch(tens(100), 8, 4, seeded(0))
    after = global_states()
    for name, state in before.items():
        assert_holds(after[name] == state, f"moved the global generator of {name}")


def test_the_next_batch_is_another(kata):
    generator = seeded(7)
    first, second = (starts(kata.get_batch(tens(10**5), 8, 4, generator)) for _ in range(2))
    assert_holds(
        first != second, "gave the same batch again, from a generator that was used before"
    )


def test_every_id_arrives_unchanged_as_int64(kata, tmp_path):
    file, ids = tmp_path / "ids.bin", [255, 256, 32767, 32768, 65535]
    np.array(ids, dtype=np.uint16).tofile(file)
    rows = [np.memmap(file, dtype=np.uint16, mode="r")]
    rows += [np.array(ids, dtype=kind) for kind in (np.int32, np.int64)]
    for row in rows:
        inputs, targets = kata.get_batch(row, 2, 4, seeded(0))
        assert_equal(inputs, torch.tensor([ids[:4]] * 2))
        assert_equal(targets, torch.tensor([ids[1:]] * 2))


def test_the_windows_are_copies(kata):
    ids = tens(4)
    inputs, targets = kata.get_batch(ids, 2, 3, seeded(0))
    told = "returned inputs that share memory: writing to a window changed"
    inputs[0, 1] = -1
    assert_holds(ids.tolist() == tens(4).tolist(), f"{told} the ids")
    assert_holds(targets.tolist() == [[10, 20, 30]] * 2, f"{told} the targets")
    assert_holds(inputs[1].tolist() == [0, 10, 20], f"{told} another window")


def test_a_file_is_not_read_whole(kata, tmp_path):
    file = tmp_path / "ids.bin"
    with file.open("wb") as empty:
        empty.truncate(FILE)  # zeros that take no room on most disks
    ids = np.memmap(file, dtype=np.uint16, mode="r")
    taken = allocated(kata.get_batch, ids, 2, 8, seeded(0))
    assert_holds(taken < FILE / 4, "copied a whole file into memory for two windows")
    assert_holds(in_memory(file) < FILE / 4, "read a whole file for two windows")


@given(missing=st.integers(0, 9))
@example(missing=0)
def test_too_few_ids_are_refused(kata, missing):
    for number in (23 - missing, 23):
        with assert_raises(ValueError, mentions=str(number)):
            kata.get_batch(tens(23 - missing), 2, 23, seeded(0))
