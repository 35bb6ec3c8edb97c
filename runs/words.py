"""Words to turn round or to copy: random ones to learn from, English ones to be tried on."""

import pydoc_data.topics
import re
from typing import NamedTuple

import torch
from torch import Tensor

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAD, BOS, EOS, FIRST = 0, 1, 2, 3  # ids; FIRST is the letter a
VOCAB = FIRST + len(LETTERS)
LONGEST = 12
TASKS = {"reverse": lambda word: word[::-1], "copy": lambda word: word}


class Batch(NamedTuple):
    """Sources and targets, padded: what a model reads, is shown, and is to write.

    src      (B, S)      letters
    lengths  (B,)        how many of them are real
    shown    (B, S + 1)  BOS and the target
    target   (B, S + 1)  the target and EOS
    """

    src: Tensor
    lengths: Tensor
    shown: Tensor
    target: Tensor


def batch(words: list[str], task: str) -> Batch:
    """Write words, and what becomes of them, as ids."""
    S = max(map(len, words))
    done = [spelled(TASKS[task](word)) for word in words]
    return Batch(
        padded([spelled(word) for word in words], S),
        torch.tensor([len(word) for word in words]),
        padded([[BOS, *ids] for ids in done], S + 1),
        padded([[*ids, EOS] for ids in done], S + 1),
    )


def padded(rows: list[list[int]], length: int) -> Tensor:
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def spelled(word: str) -> list[int]:
    return [LETTERS.index(letter) + FIRST for letter in word]


def read(ids: list[int]) -> str:
    """Turn ids back into letters; an id that is no letter becomes a question mark."""
    return "".join(LETTERS[i - FIRST] if i >= FIRST else "?" for i in ids)


def random_words(number: int, generator: torch.Generator, without=frozenset()) -> list[str]:
    """Make words of random letters, 1 to LONGEST of them, none of which is in `without`."""
    lengths = torch.randint(1, LONGEST + 1, (number,), generator=generator).tolist()
    letters = torch.randint(len(LETTERS), (number, LONGEST), generator=generator).tolist()
    rows = zip(lengths, letters, strict=True)
    words = ["".join(LETTERS[i] for i in row[:length]) for length, row in rows]
    return [word for word in words if word not in without]


def english(number: int, generator: torch.Generator) -> list[str]:
    """Draw words of English, of four letters or more, from the text that comes with Python."""
    text = " ".join(pydoc_data.topics.topics.values())
    found = sorted(set(re.findall(rf"\b[a-z]{{4,{LONGEST}}}\b", text)))
    order = torch.randperm(len(found), generator=generator)[:number].tolist()
    return [found[i] for i in order]


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
