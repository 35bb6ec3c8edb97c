"""Words what a test raised, the same at every run."""

import inspect
import traceback
from pathlib import Path

from grader.accused import Raised
from grader.brief import brief, told
from grader.layout import Place, compose, quoted, refusal
from grader.pages import Clause
from grader.record import Call
from grader.syllabus import Kata

RESULT = "{result}"  # in a law's sentence: what the latest call returned


def of_failure(this: Kata, clause: Clause, error: BaseException, record, file: Path) -> str:
    """Word what a test raised: a broken law, the learner's exception, or a check that fell over."""
    call, shown = record.call_for(getattr(error, "returned", None)), getattr(error, "shown", ())
    place = Place(file, first_line(call, file))
    if isinstance(error, Raised):
        call = record.calls[-1]
        place = Place(file, raising_line(error.error, file) or first_line(call, file))
        says, shown = brief_error(error.error, "raised "), quoted(place)
    elif isinstance(error, AssertionError):
        says = getattr(error, "says", str(error))
        says = says.replace(RESULT, brief(call.result) if call else "something")
    elif call.result is None:
        says = "returned nothing (None): is a `return` missing?"
    else:
        says = f"returned {brief(call.result)}, with which the check cannot go on"
        says += brief_error(error, ": ")
    sentence = says if says.endswith(("?", ".")) else f"{says}."
    sentences = [f"{call.text} {sentence}" if call else sentence]
    if call and call.printed.length:
        sentences.append(f"It printed {printed(call)}")
    return compose(this, clause, sentences, shown, place)


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
    kind, says = type(error), told(error)[:200]
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return before + (f"{name}: {says}" if says else name)


def printed(call: Call) -> str:
    more = call.printed.length - len(call.printed.text)
    rest = f" and {more:,} more characters" if more else ""
    return f"{call.printed.text[:120]!r}{rest}."


def raising_line(error: BaseException, file: Path) -> int | None:
    """Find the innermost line of the learner's file that an exception passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if Path(f.filename) == file), None)


def first_line(call: Call | None, file: Path) -> int | None:
    """Find where what was called is defined, if that is in the learner's file.

    Of a module that is its forward; of what the module has from torch, its __init__.
    """
    function = inspect.unwrap(call.function) if call else None
    owner = type(getattr(function, "__self__", function))
    methods = [getattr(function, "forward", None), getattr(function, "__init__", None)]
    for candidate in (function, *methods, owner.__init__):
        code = getattr(candidate, "__code__", None)
        if code and Path(code.co_filename) == file:
            return code.co_firstlineno
    return None
