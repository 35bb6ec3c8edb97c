"""English to measure with: documentation that lies on every machine that runs the katas."""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

NAMED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def english(size: int) -> str:
    """Return `size` characters of English documentation.

    First the reference manual's topics, then every distinct docstring of the standard library,
    torch and numpy, by their paths. It depends on their versions: compare within a run.
    """
    packages = Path(sysconfig.get_path("purelib"))
    folders = [Path(sysconfig.get_path("stdlib")), packages / "torch", packages / "numpy"]
    parts, length = dict.fromkeys(topics.values()), sum(map(len, topics.values()))
    for folder in folders:
        for text in docstrings(folder, packages):
            if length > size:
                return "\n\n".join(parts)[:size]
            length += len(text) + 2 if text not in parts else 0
            parts[text] = None
    raise ValueError(f"only {length:,} characters of documentation here, {size:,} are needed")


def docstrings(folder: Path, but_not: Path) -> Iterator[str]:
    """Yield the docstrings of a folder's modules; those of installed packages only if asked for."""
    for file in sorted(folder.rglob("*.py")):
        if but_not in file.parents and but_not not in folder.parents:
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(file.read_text("utf-8"))
        except (SyntaxError, ValueError):
            continue
        yield from filter(
            None, (ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, NAMED))
        )
