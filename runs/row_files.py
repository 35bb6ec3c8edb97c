"""Files of rows: JSON, a line of JSON for each row, or CSV."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import click

from runs import texts

LONGEST_FIELD = 2**31 - 1  # characters; csv's own limit is 131,072


def written_in(path: Path, name: str) -> list[tuple[str, object]]:
    """Read what a file holds, and where each stands. Raises click.ClickException."""
    readers = {".json": from_json, ".jsonl": from_lines, ".csv": from_csv}
    if path.suffix.lower() not in readers:
        told = f"--data is a file whose name ends in {', '.join(readers)}, got {name!r}."
        raise click.UsageError(told)
    return [*readers[path.suffix.lower()](texts.whole(path).removeprefix("\ufeff"), name)]


def from_json(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Read a list of objects."""
    rows = parsed(text, name)
    if not isinstance(rows, list):
        told = f"{name} holds {kind_of(rows)}, and not a list of rows: write [{{...}}, {{...}}]."
        raise click.ClickException(told)
    return ((f"row {number}", row) for number, row in enumerate(rows, 1))


def from_lines(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Read an object from every line that is not blank."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}", parsed(line, f"{name}, line {number},")


def from_csv(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Read a table, the names of whose columns are in its first line."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            place = f"line {reader.line_num}"
            if None in fields or None in fields.values():
                told = f"{name}, {place}: the row has not as many fields as the first line"
                raise click.ClickException(f"{told}, {len(reader.fieldnames)}: put it right.")
            yield place, fields
    except csv.Error as error:
        told = f"{name} is not whole CSV at line {reader.line_num} ({error}): copy it again."
        raise click.ClickException(told) from None


def parsed(text: str, name: str):
    """Read JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        told = f"{name} is not whole JSON ({error.msg} at {at}): copy it again, or put it right."
    except RecursionError:
        told = f"{name} is nested too deeply: write a list of flat rows."
    raise click.ClickException(told) from None


def kind_of(value) -> str:
    """Name what somebody wrote in place of text or a row."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    kinds |= {int: "a number", float: "a number", type(None): "null"}
    return kinds[type(value)]
