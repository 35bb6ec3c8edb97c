"""Instructions about words, with their answers: made on the spot, and open to more by hand.

The letters of a word are written apart, h-e-l-l-o: each is then a token, and can be seen. They are
drawn at random: of English words a small model learns which letters mostly follow, not to look.
"""

import json
import random

from runs.words import LETTERS

TASKS = {
    "first": ("Name the first letter of {}.", lambda word: word[0]),
    "last": ("Name the last letter of {}.", lambda word: word[-1]),
    "count": ("Count the letters of {}.", lambda word: str(len(word))),
    "upper": ("Write {} in capitals.", lambda word: apart(word.upper())),
    "reverse": ("Reverse the letters of {}.", lambda word: apart(word[::-1])),
    "sort": ("Sort the letters of {}.", lambda word: apart(sorted(word))),
}
EACH = 160  # pairs of each task
SHORTEST, LONGEST = 3, 5  # letters


def apart(letters) -> str:
    return "-".join(letters)


def pairs(seed: int) -> list[dict[str, str]]:
    """Make several hundred pairs of an instruction and its response, in no order."""
    chance = random.Random(seed)
    rows = [
        {"task": task, "instruction": asked.format(apart(word)), "input": "", "output": right(word)}
        for task, (asked, right) in TASKS.items()
        for word in words(chance)
    ]
    chance.shuffle(rows)
    return rows


def words(chance: random.Random) -> list[str]:
    """Draw words, none of them twice."""
    found: dict[str, None] = {}
    while len(found) < EACH:
        length = chance.randint(SHORTEST, LONGEST)
        found["".join(chance.choices(LETTERS, k=length))] = None
    return [*found]


def written(rows: list[dict[str, str]]) -> str:
    """Write rows as JSON, one on each line, so that people can read and extend it."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n"
