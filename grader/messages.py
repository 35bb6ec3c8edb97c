"""Puts a failure into at most 20 lines of at most 79 columns, the same at every run."""

import inspect
import linecache
import os
import textwrap
import traceback
from dataclasses import dataclass
from pathlib import Path

from grader.accused import Raised
from grader.brief import brief
from grader.pages import Clause
from grader.record import Call
from grader.syllabus import ROOT, Kata

WIDTH, HEIGHT = 79, 20
RESULT = "{result}"  # in a law's sentence: what the latest call returned


@dataclass(frozen=True)
class Place:
    """A line of the learner's file."""

    file: Path
    line: int | None = None

    def __str__(self) -> str:
        return f"{shortest(self.file)}:{self.line}" if self.line else shortest(self.file)


def shortest(path: Path) -> str:
    """Write a path from the checkout if it lies there, with forward slashes."""
    inside = path.is_relative_to(ROOT)
    return (path.relative_to(ROOT) if inside else path).as_posix()


def program() -> str:
    """Return what the learner types before a verb."""
    return "tox --" if "TOX_ENV_NAME" in os.environ else "kata"


def compose(
    this: Kata, clause: Clause, says: list[str], shown=(), place: Place | None = None
) -> str:
    """Lay out a failure: the clause, what happened, where it differs, where to look."""
    lines = [f"✗ {this.name} · {clause.sentence}", *folded(first_sentence(clause.body), "  "), ""]
    for sentence in says:
        lines += folded(sentence, "  ")
    if shown:
        lines += ["", *(cut(line) for line in shown)]
    page = f"spec/{this.slug}.md#{clause.anchor}"
    ending = ["", *one_or_two(str(place or shortest(this.exercise)), page)]
    ending.append(f"  {program()} hint {this.name}")
    return "\n".join(lines[: HEIGHT - len(ending)] + ending)


def refusal(this: Kata, says: list[str], place: Place) -> str:
    """Lay out why a file could not even be read or imported."""
    lines = [f"✗ {this.name} · cannot be imported", ""]
    for sentence in says:
        lines += folded(sentence, "  ")
    return "\n".join([*lines[: HEIGHT - 2], "", f"  {place}"])


def of_failure(this: Kata, clause: Clause, error: BaseException, record, file: Path) -> str:
    """Word what a test raised: a broken law, the learner's exception, or a check that fell over."""
    call, shown = record.call_for(getattr(error, "returned", None)), getattr(error, "shown", ())
    place = Place(file, first_line(call, file))
    if isinstance(error, Raised):
        call = record.calls[-1]
        place = Place(file, raising_line(error.error, file) or first_line(call, file))
        told, shown = brief_error(error.error, "raised "), quoted(place)
    elif isinstance(error, AssertionError):
        told = getattr(error, "says", str(error))
        told = told.replace(RESULT, brief(call.result) if call else "something")
    elif call.result is None:
        told = "returned nothing (None): is a `return` missing?"
    else:
        told = f"returned {brief(call.result)}, with which the check cannot go on"
        told += brief_error(error, ": ")
    sentence = told if told.endswith("?") else f"{told}."
    says = [f"{call.text} {sentence}" if call else sentence]
    if call and call.printed.length:
        says.append(f"It printed {printed(call)}")
    return compose(this, clause, says, shown, place)


def of_import(this: Kata, error: BaseException, file: Path) -> str:
    """Word why the learner's file cannot be imported, with its line."""
    line = raising_line(error, file)
    if isinstance(error, SyntaxError):
        line = error.lineno if Path(error.filename or "") == file else line
        says = [f"The file has a syntax error: {error.msg}."]
    elif isinstance(error, UnicodeDecodeError):
        says = [f"The file is not UTF-8: byte {error.start} cannot be read. Save it as UTF-8."]
    elif isinstance(error, OSError):
        says = [f"The file cannot be read: {error.strerror}."]
    else:
        says = [brief_error(error, "Importing the file raised ") + "."]
    place = Place(file, line)
    message = refusal(this, says, place)
    return "\n".join([message, *quoted(place)]) if line else message


def brief_error(error: BaseException, before: str) -> str:
    """Write an exception on a line, its class by its full name unless Python has it built in."""
    kind, told = type(error), " ".join(str(error).split())[:200]
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return before + (f"{name}: {told}" if told else name)


def printed(call: Call) -> str:
    more = call.printed.length - len(call.printed.text)
    rest = f" and {more:,} more characters" if more else ""
    return f"{textwrap.shorten(call.printed.text, 120, placeholder='…')!r}{rest}."


def quoted(place: Place) -> tuple[str, ...]:
    """Quote the learner's line, as it was when it ran."""
    text = linecache.getline(str(place.file), place.line or 0).strip()
    return (f"    line {place.line}:  {text}",) if text else ()


def raising_line(error: BaseException, file: Path) -> int | None:
    """Find the innermost line of the learner's file that an exception passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if Path(f.filename) == file), None)


def first_line(call: Call | None, file: Path) -> int | None:
    """Find where the called function is defined, if that is in the learner's file."""
    function = inspect.unwrap(call.function) if call else None
    if isinstance(function, type):
        function = function.__init__
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code and Path(code.co_filename) == file else None


def first_sentence(text: str) -> str:
    """Take the first sentence of a clause, at most two lines of it."""
    plain = " ".join(text.partition("\n\n")[0].split())
    end = next(
        (i + 1 for i, c in enumerate(plain) if c in ".:" and plain[i + 1 : i + 2] in ("", " ")), 0
    )
    sentence = plain[: end or None]
    return sentence[:-1] + "." if sentence.endswith(":") else sentence


def folded(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, max_lines=4, placeholder=" …"
    )


def cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def one_or_two(place: str, page: str) -> list[str]:
    line = f"  {place}   {page}"
    return [line] if len(line) <= WIDTH else [f"  {place}", f"  {page}"]
