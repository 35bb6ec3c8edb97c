"""Has a model answer instructions: many at once, each id the likeliest."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from grader.trees import Tree
from runs.remembering import remembering

TOGETHER = 64  # prompts that are answered at once


def answers(
    katas: Tree,
    model: nn.Module,
    prompts: Sequence[list[int]],
    most: int,
    context: int,
    eos: int,
) -> list[list[int]]:
    """Write an answer to each prompt: ids up to the end of text, at most so many.

    Prompts of one length are answered together, so that none needs padding.
    """
    generate = katas.load("gpt/generate").generate
    device, cached = next(model.parameters()).device, remembering(katas, model)
    found: list[list[int]] = [[]] * len(prompts)
    for part in of_one_length(prompts):
        rows = torch.tensor([prompts[i] for i in part], device=device)
        written = generate(cached, rows, most, context, eos=eos)[:, rows.shape[1] :]
        for i, row in zip(part, written.tolist(), strict=True):
            found[i] = row[: row.index(eos)] if eos in row else row
    return found


def of_one_length(rows: Sequence[list[int]]) -> Iterator[list[int]]:
    """Part rows into groups of equal length, and list which are in each."""
    by_length = defaultdict(list)
    for i, row in enumerate(rows):
        by_length[len(row)].append(i)
    for group in by_length.values():
        yield from (group[i : i + TOGETHER] for i in range(0, len(group), TOGETHER))
