"""Rows that somebody wrote down to be learned from: what they must hold, and what is left out."""

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from runs.row_files import kind_of, written_in

SAID = 3  # rows of which people are told one by one


class Form(NamedTuple):
    """The fields of a row.

    needed    must be there, and must not be blank
    optional  may be missing or blank
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


class Row(NamedTuple):
    """Where a row stands, such as "row 3", and its fields, all of them text."""

    place: str
    fields: dict[str, str]


def numbered(rows: list[dict[str, str]]) -> list[Row]:
    """Number rows from 1."""
    return [Row(f"row {number}", row) for number, row in enumerate(rows, 1)]


def read(path: Path, form: Form) -> list[Row]:
    """Read the rows of a file. Raises click.ClickException, naming the first row that is wrong.

    Fields that are neither needed nor optional are left out, and people are told so.
    """
    name = click.format_filename(path)
    found = written_in(path, name)
    if not found:
        raise click.ClickException(f"{name} holds no rows: name a file with some.")
    known, odd = {*form.needed, *form.optional}, {}
    for place, fields in found:
        check(f"{name}, {place}", fields, form)
        for field in sorted(fields.keys() - known):
            odd.setdefault(field, place)
    for field, place in odd.items():
        click.echo(
            f"{name}, {place}: the field {field!r} is left out, here as elsewhere.", err=True
        )
    return [Row(p, {f: fields[f] for f in fields if f in known}) for p, fields in found]


def check(where: str, fields, form: Form) -> None:
    """Raise click.ClickException unless a row has what it must have, as text."""
    if not isinstance(fields, dict):
        raise wrong(where, f"a row must have fields, and this is {kind_of(fields)}")
    for field in (*form.needed, *form.optional):
        if field not in fields and field in form.optional:
            continue
        if field not in fields:
            has = ", ".join(map(repr, fields)) or "none"
            raise wrong(where, f"the field {field!r} is missing; it has {has}")
        if not isinstance(fields[field], str):
            raise wrong(where, f"{field!r} must be text, and is {kind_of(fields[field])}")
        if field in form.needed and not fields[field].strip():
            raise wrong(where, f"{field!r} is blank")
        if any("\ud800" <= sign <= "\udfff" for sign in fields[field]):
            raise wrong(where, f"{field!r} holds half a character, which UTF-8 cannot write")


def only_first(
    name: str, rows: Sequence[Row], what: str, key: Callable[[Row], Hashable]
) -> list[Row]:
    """Leave out rows whose key came before, and say so; return the others.

    what  names the key, such as "text"
    """
    first: dict[Hashable, Row] = {}
    repeated = [row for row in rows if first.setdefault(key(row), row) is not row]
    for row in repeated[:SAID]:
        told = f"{name}, {row.place}: the same {what} as in {first[key(row)].place}"
        click.echo(f"{told}; only that one is learned.", err=True)
    if more := len(repeated[SAID:]):
        click.echo(f"{name}: {more:,} more rows like that are left out.", err=True)
    return [*first.values()]


def wrong(where: str, told: str) -> click.ClickException:
    return click.ClickException(f"{where}: {told}. Put it right, or leave the row out.")
