"""Prompt mask: only the response is learned."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..finetuning.instruction_format import format_example, format_prompt


def build_example(
    encode: Callable[[str], list[int]], example: Mapping[str, str], max_length: int
) -> tuple[list[int], int]:
    """Encode an example as a whole, and count the ids of its prompt.

    encode      takes a text and gives ids
    example     "instruction", "output" and maybe "input"
    max_length  int  how many positions a model reads; the ids are one more at most, so that the
                     last of these positions has a target
    ->          ids, and how many of them, uncut, are the prompt

    Raises ValueError if the ids of the prompt are not how those of the whole begin.
    """
    raise NotImplementedError


def mask_prompt(targets: Tensor, prompt_lengths: Tensor, ignore_index: int = -100) -> Tensor:
    """Let the targets that are ids of the prompt not count.

    targets         (B, T)  entry t is the id that stands at t + 1
    prompt_lengths  (B,)    how many ids of each row are the prompt
    ->              (B, T)  the first id of the response counts, as all after it do
    """
    raise NotImplementedError
