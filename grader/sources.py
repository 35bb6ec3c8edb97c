"""Two sources beside each other: how long they are, and where they differ."""

import ast
import textwrap
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

SIGNS = {"equal": " ", "replace": "|", "delete": "<", "insert": ">"}


def length(file: Path) -> int:
    """Count the lines of code in a file, without docstrings, comments and blank lines."""
    tree = ast.parse(file.read_text("utf-8-sig"))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    lines = ast.unparse(tree).splitlines()
    return sum(bool(line.strip()) and line.strip() != "pass" for line in lines)


def side_by_side(mine: str, theirs: str, width: int) -> Iterator[str]:
    """Yield the lines of two texts in two columns, with a sign between those that differ."""
    left, right = mine.splitlines(), theirs.splitlines()
    room = (width - 3) // 2
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for one, other in zip_longest(left[a:b], right[c:d], fillvalue=""):
            sign = SIGNS[kind]
            for x, y in zip_longest(wrapped(one, room), wrapped(other, room), fillvalue=""):
                yield f"{x:<{room}} {sign} {y}".rstrip()


def wrapped(line: str, room: int) -> list[str]:
    """Break a line that is too long, what follows indented as it is."""
    indent = " " * min(len(line) - len(line.lstrip()) + 2, room // 2)
    options = {"subsequent_indent": indent, "drop_whitespace": False}
    return textwrap.wrap(line.expandtabs(4), room, **options) or [""]
