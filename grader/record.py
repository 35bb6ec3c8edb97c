"""What the accused was seen to do: its calls, what it printed, which operators it ran."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import TextIOBase
from typing import Any

from grader.shortcuts import watched

LATEST = 16  # calls of a test that are remembered


class Printed(TextIOBase):
    """Keeps the beginning of what the accused prints, and counts the rest."""

    def __init__(self, room: int = 300):
        self.text, self.length, self.room = "", 0, room

    def write(self, text: str) -> int:
        self.text += text[: max(self.room - len(self.text), 0)]
        self.length += len(text)
        return len(text)


@dataclass
class Call:
    """One call of the accused: how it reads, what it gave, what it printed."""

    text: str
    function: Any
    result: Any = None
    raised: str = ""
    printed: Printed = field(default_factory=Printed)


class Record:
    """What the accused was seen to do: its calls, and which forbidden operators of torch it ran.

    in_words  whether it is kept how calls read and what they print, which takes longer than many
    """

    def __init__(self, shortcuts: Iterable[str] = (), callables: Iterable[str] = (), every=False):
        self.calls: deque[Call] = deque(maxlen=None if every else LATEST)
        self.shortcuts, self.operators = list(shortcuts), set()
        self.watch = watched(self.shortcuts, self.operators)
        self.callables = set(callables)  # the functions and classes of the stub
        self.in_words = True

    def full(self) -> bool:
        """Say whether a test has made so many calls that no more of them need to be watched."""
        return len(self.calls) >= LATEST

    def hear(self, call: Call, function: Callable, args: list, kwargs: dict) -> None:
        """Make a call of the accused's, and note what comes of it."""
        watch = nullcontext() if self.full() else self.watch
        self.calls.append(call)
        if self.in_words:
            with redirect_stdout(call.printed), redirect_stderr(call.printed), watch:
                call.result = function(*args, **kwargs)
        else:
            with watch:
                call.result = function(*args, **kwargs)

    def call_for(self, result) -> Call | None:
        """Return the latest call that gave exactly this object, else the latest call."""
        known = () if result is None else reversed(self.calls)
        given = (call for call in known if call.result is result)
        return next(given, self.calls[-1] if self.calls else None)
