"""Turns a solved module into an exercise: documented bodies go, the rest stays."""

import ast
import re


def functions(node: ast.Module | ast.ClassDef):
    """Yield the functions of a module and the methods of its classes, in order."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef):
            yield child
        elif isinstance(child, ast.ClassDef):
            yield from functions(child)


def private(node: ast.stmt) -> bool:
    """Say whether a statement defines something called `_name`: a part of the answer."""
    named = [getattr(node, "name", "")] + [
        getattr(target, "id", "") for target in getattr(node, "targets", [])
    ]
    return any(re.match(r"_[^_]", name) for name in named)


def stub(source: str) -> str:
    """Replace the body of every documented function by `raise NotImplementedError`.

    A docstring says what the learner is to write. A function without one is given. What is
    private, a function, a class or a constant called `_name`, is part of the answer and goes.
    """
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    kept = [f for f in functions(tree) if not private(f) and ast.get_docstring(f)]
    gone = [node for node in [*tree.body, *functions(tree)] if private(node)]
    for node in sorted({*kept, *gone}, key=lambda node: node.lineno, reverse=True):
        if node in kept:
            answer = slice(node.body[0].end_lineno, node.end_lineno)
            lines[answer] = [" " * node.body[0].col_offset + "raise NotImplementedError\n"]
        else:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            del lines[first - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", re.sub(r"\n+\Z", "\n", "".join(lines)))


def untouched(source: str) -> bool:
    """Say whether every documented function still only raises NotImplementedError."""
    try:
        written = [f for f in functions(ast.parse(source)) if ast.get_docstring(f)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(written) and all(
        len(f.body) == 2
        and isinstance(f.body[1], ast.Raise)
        and getattr(f.body[1].exc, "id", "") == "NotImplementedError"
        for f in written
    )


def excerpt(source: str, name: str) -> list[str]:
    """Cut out the lines of a function, with only the first of its docstring."""
    found = next(f for f in functions(ast.parse(source)) if f.name == name)
    lines, says = source.splitlines()[: found.end_lineno], found.body[0]
    told = " " * says.col_offset + f'"""{ast.get_docstring(found).splitlines()[0]} …"""'
    return [*lines[found.lineno - 1 : says.lineno - 1], told, *lines[says.end_lineno :]]
