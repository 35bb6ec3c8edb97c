"""The accused: a kata seen through the one surface that a test may use, its calls noted.

A test may read a public name, call it with plain data, tensors, plain callables and objects
that the kata made, and call, index, measure and iterate what it gets. Nothing else.
"""

import signal
from collections import deque
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import TextIOBase
from typing import Any

from grader.brief import brief
from grader.shortcuts import watched

NUMBERS = (type(None), bool, int, float, complex)
DATA = (*NUMBERS, str, bytes, bytearray, list, tuple, dict, set, frozenset, range)


class Raised(AssertionError):
    """An exception that came out of the accused's code."""

    def __init__(self, error: BaseException):
        super().__init__(f"raised {type(error).__name__}: {error}")
        self.error = error


class Unwritten(AssertionError):
    """The accused raised NotImplementedError: that part is not written yet."""


class Missing(AssertionError, AttributeError):
    """The accused's module lacks a public name of its stub."""


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
    printed: Printed = field(default_factory=Printed)


def plain(value) -> bool:
    """Say whether a value crosses to the test as it is: data, tensors, arrays."""
    if callable(value):
        return False
    return isinstance(value, DATA) or type(value).__module__ in ("torch", "torch._C", "numpy")


class Record:
    """What the accused was seen to do: its latest calls, and forbidden operators of torch."""

    def __init__(self, shortcuts: Iterable[str] = ()):
        self.calls: deque[Call] = deque(maxlen=16)
        self.shortcuts, self.operators = list(shortcuts), set()

    def call_for(self, result) -> Call | None:
        """Return the latest call that gave exactly this object, else the latest call."""
        given = (call for call in reversed(self.calls) if call.result is result)
        return next(given, self.calls[-1] if self.calls else None)


def by_the_user(error: BaseException) -> bool:
    """Say whether somebody pressed Ctrl-C; where that is ignored, the code itself raised it."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN


class Accused:
    """A module, or something of its making, whose calls are noted."""

    def __init__(self, target, text: str, record: Record):
        self._target, self._text, self._record = target, text, record

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(f"a test may not read {name}")
        try:
            value = getattr(self._target, name)
        except AttributeError:
            raise Missing(f"{self._text or 'the module'} has no `{name}`") from None
        return self.seen(value, f"{self._text}.{name}" if self._text else name)

    def __call__(self, *args, **kwargs):
        given = [brief(a) for a in args] + [f"{k}={brief(v, 40)}" for k, v in kwargs.items()]
        return self.run(f"{self._text}({', '.join(given)})", self._target, *args, **kwargs)

    def __len__(self):
        if not hasattr(type(self._target), "__len__"):
            raise TypeError(f"{self._text} has no length")
        return self.run(f"len({self._text})", len, self._target)

    def __getitem__(self, index):
        return self.run(f"{self._text}[{index}]", lambda: self._target[index])

    def __iter__(self):
        return self.run(f"iter({self._text})", lambda: Iteration(self))

    def run(self, text: str, function, *args, **kwargs):
        """Run the accused's code, note the call, and mark what it raises as its own."""
        call = Call(text, function if callable(self._target) else type(self._target))
        self._record.calls.append(call)
        args = [bare(a) for a in args]
        kwargs = {k: bare(v) for k, v in kwargs.items()}
        try:
            with redirect_stdout(call.printed), redirect_stderr(call.printed), self.watch():
                call.result = function(*args, **kwargs)
        except NotImplementedError as error:
            raise Unwritten(text) from error
        except BaseException as error:
            if by_the_user(error):
                raise
            raise Raised(error) from error
        return self.seen(call.result, text)

    def watch(self):
        return watched(self._record.shortcuts, self._record.operators)

    def seen(self, value, text: str):
        """Let data through, and keep hold of everything else."""
        if plain(value) or isinstance(value, Accused):
            return value
        return Accused(value, text, self._record)


class Iteration(Accused):
    """An iteration over something the accused made, each step of it noted."""

    def __init__(self, made: Accused):
        super().__init__(iter(made._target), made._text, made._record)

    def __iter__(self):
        return self

    def __next__(self):
        item = self.run(f"next({self._text})", next, self._target, END)
        if item is END:
            raise StopIteration
        return item


END = object()


def bare(value):
    """Give the accused its own objects back as they were."""
    return value._target if isinstance(value, Accused) else value
