"""Instruction format: an instruction and its response become one text."""

from collections.abc import Iterable, Mapping

BEGINNING = "Below is an instruction that describes a task"
PAIRED = ", paired with an input that provides further context"
REQUEST = ". Write a response that appropriately completes the request."


def format_prompt(example: Mapping[str, str]) -> str:
    """Write what a model is to answer, up to where its answer begins.

    example  "instruction" and "input", which may be missing or blank

    Source: Taori et al. 2023 (Alpaca), whose template this is, but for the last line end.
    """
    raise NotImplementedError


def format_example(example: Mapping[str, str]) -> str:
    """Write prompt and response, the text that is learned from.

    example  "output" as well
    """
    raise NotImplementedError


def combine(*sources: Iterable[Mapping], dedupe: bool = True) -> list[dict[str, str]]:
    """Put the pairs of several sources together, each checked and in one form.

    sources  rows with "instruction", "output" and maybe "input"; what else they hold is left out
    dedupe   bool  of rows with the same instruction and input, only the first stays
    ->       new rows with "instruction", "input" and "output"; a blank input is ""

    Raises ValueError if a row is no mapping, a field is missing, no string, or, but for the input,
    blank; it says where, as in `row 7 of source 2`, both counted from 0.
    """
    raise NotImplementedError
