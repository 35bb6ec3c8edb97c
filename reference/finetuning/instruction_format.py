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
    further = example.get("input", "")
    if not further.strip():
        return f"{BEGINNING}{REQUEST}{_section('Instruction', example['instruction'])}{_response()}"
    asked = _section("Instruction", example["instruction"]) + _section("Input", further)
    return f"{BEGINNING}{PAIRED}{REQUEST}{asked}{_response()}"


def format_example(example: Mapping[str, str]) -> str:
    """Write prompt and response, the text that is learned from.

    example  "output" as well
    """
    return format_prompt(example) + example["output"]


def combine(*sources: Iterable[Mapping], dedupe: bool = True) -> list[dict[str, str]]:
    """Put the pairs of several sources together, each checked and in one form.

    sources  rows with "instruction", "output" and maybe "input"; what else they hold is left out
    dedupe   bool  of rows with the same instruction and input, only the first stays
    ->       new rows with "instruction", "input" and "output"; a blank input is ""

    Raises ValueError if a row is no mapping, a field is missing, no string, or, but for the input,
    blank; it says where, as in `row 7 of source 2`, both counted from 0.
    """
    rows = [
        _checked(row, f"row {i} of source {j}")
        for j, source in enumerate(sources)
        for i, row in enumerate(source)
    ]
    if not dedupe:
        return rows
    first: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        first.setdefault((row["instruction"], row["input"]), row)
    return list(first.values())


def _section(title: str, text: str) -> str:
    return f"\n\n### {title}:\n{text}"


def _response() -> str:
    return _section("Response", "")


def _checked(row: Mapping, where: str) -> dict[str, str]:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} must have fields, got {row!r}")
    fields = {"input": "", **row}
    for name in ("instruction", "input", "output"):
        if name not in fields:
            raise ValueError(f"{where} must have the field {name!r}, and has {list(row)}")
        if not isinstance(fields[name], str):
            raise ValueError(f"{name!r} must be a string in {where}, got {fields[name]!r}")
        if name != "input" and not fields[name].strip():
            raise ValueError(f"{name!r} must not be blank in {where}, got {fields[name]!r}")
    given = fields["input"] if fields["input"].strip() else ""
    return {"instruction": fields["instruction"], "input": given, "output": fields["output"]}
