"""spec/finetuning/split_dataset.md, clause by clause."""

import hashlib
import random
from collections import Counter
from math import sqrt

from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)

seeds = st.integers(-3, 99)
texts = st.lists(st.text("abcé ", max_size=3), max_size=25)
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
shares = st.sampled_from([SHARES, {"b": 0.5, "a": 0.5}, {"all": 1.0}, {"none": 0.0, "all": 1.0}])
ROWS = [str(i) for i in range(40)]
MANY = [f"row {i}" for i in range(10_000)]
HIGH = "5603271915"  # its place with the seed 0 is 1 - 1.2e-10; it was found by trying 4.6e9 rows


def place_of(row, seed):
    """Read the first bytes of the hash of a row, one after the other."""
    place, weight = 0.0, 1.0
    for byte in hashlib.sha256(f"{seed}:{row}".encode()).digest()[:6]:
        weight /= 256
        place += byte * weight
    return place


def by_the_definition(row, fractions, seed):
    """Find the part in which the place of a row is."""
    reached = 0.0
    for name, fraction in fractions.items():
        reached += fraction
        if place_of(row, seed) < reached:
            return name
    return [name for name, fraction in fractions.items() if fraction > 0][-1]


def homes(parts):
    """Turn parts around: for each text the names of all parts in which it is."""
    found = {}
    for name, rows in parts.items():
        for row in rows:
            found.setdefault(row, set()).add(name)
    return found


def named(names):
    return " and ".join(sorted(names)) or "no part"


def assert_same_homes(before, after, why):
    """Assert that rows that are in both are in the same parts."""
    __tracebackhide__ = True
    for row, names in homes(before).items():
        there = homes(after).get(row, set())
        told = f"put {row!r} into {named(there)}, and into {named(names)} {why}"
        assert_holds(there == names, told)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(rows=texts, fractions=shares, seed=seeds)
@example(rows=ROWS, fractions=SHARES, seed=0)
@example(rows=[*"abcdef", "é"], fractions=SHARES, seed=-3)
def test_it_agrees_with_the_definition(kata, rows, fractions, seed):
    right = {name: [] for name in fractions}
    for row in rows:
        right[by_the_definition(row, fractions, seed)].append(row)
    assert_equal(kata.split_dataset(rows, fractions, seed), right)


def test_it_agrees_with_the_definition__to_the_last_bit(kata):
    for seed in (0, -3, 1234567, 2**40, -(2**40), 2**70):
        for row in ("a", "B", "row 10", "Été", "e\u0301", "жук", "日本語", "“ß”"):
            place = place_of(row, seed)
            for end, part in ((place, "b"), (place + 2**-48, "a")):
                parts = kata.split_dataset([row], {"a": end, "b": 1 - end}, seed)
                where = "at its place" if part == "b" else "2**-48 above its place"
                told = (
                    f"put {row!r}, the place of which is {place!r}, not into {part}: a ends {where}"
                )
                assert_holds(parts[part] == [row], told, parts)


def test_it_agrees_with_the_definition__above_the_last_end_too(kata):
    for fractions, last in (({"a": 0.5, "b": 0.5 - 5e-10}, "b"), ({"a": 1 - 5e-10, "b": 0.0}, "a")):
        names = homes(kata.split_dataset([HIGH], fractions, 0)).get(HIGH, set())
        told = f"put a row at {place_of(HIGH, 0):.11f}, above the last end, into {named(names)}"
        assert_holds(names == {last}, f"{told}, not into {last}, the last with a share above 0")


@given(rows=texts, fractions=shares, seed=seeds)
@example(rows=["a", "b", "a", "c", "b", "d", "e"], fractions=SHARES, seed=0)
def test_every_row_is_in_one_part(kata, rows, fractions, seed):
    parts = kata.split_dataset(rows, fractions, seed)
    found = Counter(row for part in parts.values() for row in part)
    for row, count in Counter(rows).items():
        told = f"gave {row!r} back {found[row]} times, where it came in {count} times"
        assert_holds(found[row] == count, told)


@given(rows=texts, fractions=shares, seed=seeds)
@example(rows=["e", "b", "a", "c", "d", "b", "f", "h", "g"], fractions={"all": 1.0}, seed=0)
def test_a_part_keeps_the_order(kata, rows, fractions, seed):
    numbered = list(enumerate(rows))
    parts = kata.split_dataset(numbered, fractions, seed, key=lambda row: row[1])
    for name, part in parts.items():
        came = [i for i, _ in part]
        told = f"gave, in the part {name!r}, the rows that came as {came} in this order"
        assert_holds(came == sorted(came), told)


@given(rows=texts, seed=seeds)
@example(rows=[*"abcdefgh"], seed=0)
def test_rows_with_one_key_stay_together(kata, rows, seed):
    written = [(way(row), i) for i, row in enumerate(rows) for way in (str.upper, str.lower)]
    parts = kata.split_dataset(written, SHARES, seed, key=lambda row: row[0].lower())
    for name, names in homes(
        {n: [text.lower() for text, _ in p] for n, p in parts.items()}
    ).items():
        told = f"put rows with the key {name!r} into {named(names)}"
        assert_holds(len(names) == 1, told)


@given(rows=st.lists(st.text("abcdé ", max_size=3), unique=True, max_size=25), seed=seeds)
@example(rows=ROWS, seed=0)
def test_the_order_of_rows_does_not_matter(kata, rows, seed):
    before = kata.split_dataset(rows, SHARES, seed)
    for other in (rows[::-1], sorted(rows), rows[1:] + rows[:1]):
        after = kata.split_dataset(other, SHARES, seed)
        assert_same_homes(before, after, "when the same rows came in another order")


@given(rows=st.lists(st.text("abcdé ", max_size=3), unique=True, max_size=25), seed=seeds)
@example(rows=ROWS, seed=0)
def test_old_rows_stay_where_they_are(kata, rows, seed):
    before = kata.split_dataset(rows, SHARES, seed)
    after = kata.split_dataset([*rows, *(f"new {i}" for i in range(30))], SHARES, seed)
    assert_same_homes(before, after, "before others were appended")


@given(seed=seeds)
@example(seed=0)
def test_a_part_that_grows_keeps_what_it_had(kata, seed):
    small = kata.split_dataset(MANY[:200], {"train": 0.5, "rest": 0.5}, seed)
    large = kata.split_dataset(MANY[:200], {"train": 0.8, "rest": 0.2}, seed)
    lost = sorted({*small["train"]} - {*large["train"]})
    told = f"took {len(lost)} of {len(small['train'])} rows out of the first part, {lost[:1]} among"
    assert_holds(not lost, f"{told} them, when its share grew from 0.5 to 0.8")


def test_another_process_finds_the_same(kata):
    there = {
        "train": "2 3 4 6 7 8 9 10 12 14 15 17 18 19 20 21 23 24 25 26 27 28 29 31 33 34 35 36 37",
        "validation": "5 16 22",
        "test": "1 11 13 30 32 38 39",
    }
    told = ", ".join(
        f"{row!r} at {place_of(row, 0):.4f} is in {name}"
        for row, name in (("2", "train"), ("1", "test"), ("5", "validation"))
    )
    parts = kata.split_dataset(ROWS[1:], SHARES, 0)
    same = all(parts[name] == rows.split() for name, rows in there.items())
    assert_holds(same, f"put rows into other parts than their hashes do in every process: {told}")


def test_another_seed_is_another_split(kata):
    parts = [kata.split_dataset(MANY[:2000], {"a": 0.5, "b": 0.5}, seed) for seed in range(3)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = len({*parts[i]["a"]} & {*parts[j]["a"]})
        told = f"put {both} of 2000 rows into the first half both with seed {i} and with seed {j}"
        assert_holds(400 < both < 600, f"{told}, and about 500 would be in both by chance")


def test_parts_have_about_their_shares(kata):
    for seed, fractions in ((0, SHARES), (1, {"a": 0.001, "b": 0.25, "c": 0.749})):
        for name, part in kata.split_dataset(MANY, fractions, seed).items():
            share = fractions[name]
            sigma = sqrt(10_000 * share * (1 - share))
            told = f"put {len(part)} of 10,000 rows into {name!r}, the share of which is {share}"
            right = abs(len(part) - 10_000 * share) <= 5 * sigma
            assert_holds(right, f"{told}: that is more than {5 * sigma:.0f} off")


def test_a_part_may_be_empty(kata):
    for fractions in (SHARES, {"z": 0.0, "a": 1.0, "m": 0.0}):
        assert_equal(kata.split_dataset([], fractions, 0), {name: [] for name in fractions})
        assert_equal(list(kata.split_dataset(ROWS, fractions, 0)), list(fractions))
    parts = kata.split_dataset(MANY[:500], fractions, 0)
    sizes = {name: len(part) for name, part in parts.items()}
    assert_equal(sizes, {"z": 0, "a": 500, "m": 0})


def test_a_generator_will_do(kata):
    right = kata.split_dataset(ROWS, SHARES, 5)
    assert_equal(kata.split_dataset((row for row in ROWS), SHARES, 5), right)
    asked = []
    kata.split_dataset(ROWS, SHARES, 5, key=lambda row: asked.append(row) or row)
    told = f"asked for {len(asked)} keys of {len(ROWS)} rows"
    assert_holds(asked == ROWS, told)


def test_the_key_is_a_row_as_a_text(kata):
    for rows in (ROWS, list(range(40)), [(i, "a") for i in range(40)]):
        right = kata.split_dataset(rows, SHARES, 2, key=str)
        assert_equal(kata.split_dataset(rows, SHARES, 2), right)


def test_shares_that_do_not_add_up_are_refused(kata):
    off = ((0.7, 0.1), (0.7, 0.4), (0.7, 0.3 - 1e-6), (0.7, 0.3 + 1e-6))
    for values in (*off, (1.2, -0.2), (), (float("nan"), 1.0)):
        fractions, rows = dict(zip("ab", values, strict=False)), iter(ROWS)
        for mentions in ("fractions", *map(str, values)):
            with assert_raises(ValueError, mentions):
                kata.split_dataset(rows, fractions, 0)
        assert_holds(next(rows) == ROWS[0], "took a row, and refused the shares then")
    third = kata.split_dataset(ROWS, dict.fromkeys("abcdefghij", 0.1), 0)
    assert_holds(sum(map(len, third.values())) == 40, "lost rows for ten shares of 0.1", third)


def test_nothing_given_is_changed(kata):
    rows = [{"text": row, "label": i} for i, row in enumerate("abcdefgh")]
    split = lambda rows, shares: kata.split_dataset(rows, shares, 0, lambda r: r["text"])  # noqa: E731
    assert_leaves_alone(split, rows, dict(SHARES))
    for part in split(rows, SHARES).values():
        for row in part:
            told = "returned a copy of a row, not the row that was given"
            assert_holds(any(row is given for given in rows), told)
    before = random.getstate()
    kata.split_dataset(ROWS, SHARES, 0)
    assert_holds(random.getstate() == before, "moved Python's own random generator")
