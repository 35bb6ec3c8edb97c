"""Shows people the pieces of a text, in alternating colours, with their ids beneath."""

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

COLOURS = ("black on cyan", "black on yellow")


class Piece(NamedTuple):
    """A token as it is shown: what it stands for, its id, and the columns that it takes."""

    text: str
    id: str
    columns: int


def piece_of(id: int, token: bytes) -> Piece:
    """Write a token so that each of its characters can be seen."""
    from rich.cells import cell_len

    space = "·" if (sys.stdout.encoding or "").lower().startswith("utf") else "_"
    characters = token.decode(errors="backslashreplace")
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in characters)
    text = text.replace(" ", space)
    return Piece(text, str(id), max(cell_len(text), len(str(id))))


def rows(ids: Iterable[int], vocab: dict[int, bytes], width: int) -> Iterator[list[Piece]]:
    """Lay out pieces in rows that fit. A row also ends where a line of the text does."""
    row: list[Piece] = []
    for id in ids:
        piece = piece_of(id, vocab[id])
        if row and sum(p.columns + 1 for p in row) + piece.columns > width:
            yield row
            row = []
        row.append(piece)
        if b"\n" in vocab[id]:
            yield row
            row = []
    if row:
        yield row


def show(ids: Iterable[int], vocab: dict[int, bytes]) -> None:
    """Print the pieces of a text and their ids, row by row as they come, and count them."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    count = size = 0
    for row in rows(ids, vocab, console.width):
        above, beneath = Text(), Text(style="dim")
        for piece in row:
            above.append(piece.text, COLOURS[count % 2])
            above.append(" " * (piece.columns + 1 - cell_len(piece.text)))
            beneath.append(piece.id.ljust(piece.columns + 1))
            count, size = count + 1, size + len(vocab[int(piece.id)])
        for line in (above, beneath):
            line.rstrip()
            console.print(line, soft_wrap=True)
        console.print()
    each = f", {size / count:.2f} bytes each" if count else ""
    console.print(f"{count:,} token{'s' * (count != 1)}{each}")
