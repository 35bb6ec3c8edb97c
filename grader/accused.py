"""The accused: a kata seen through the one surface that a test may use, its calls noted.

A test may read a public name, call it with plain data, tensors, plain callables and objects
that the kata made, and call, index, measure and iterate what it gets. Nothing else.
"""

import signal
import sys

from grader.brief import brief, told
from grader.record import Call, Record

NUMBERS = (type(None), bool, int, float, complex)
TENSORS = ("torch", "torch._C", "torch.nn.parameter", "numpy")  # where their types are defined
DATA = (*NUMBERS, str, bytes, bytearray, list, tuple, dict, set, frozenset, range)


class Raised(AssertionError):
    """An exception that came out of the accused's code."""

    def __init__(self, error: BaseException):
        super().__init__(f"raised {type(error).__name__}: {told(error)}")
        self.error = error


class Unwritten(AssertionError):
    """The accused raised NotImplementedError: that part is not written yet."""


class Unloadable(Exception):
    """The learner's file cannot be imported; the message says why."""


class Missing(AssertionError, AttributeError):
    """The accused's module lacks a public name of its stub."""


def plain(value) -> bool:
    """Say whether a value crosses to the test as it is: data, tensors, arrays."""
    if callable(value):
        return False
    return isinstance(value, DATA) or type(value).__module__ in TENSORS


def by_the_user(error: BaseException) -> bool:
    """Say whether somebody pressed Ctrl-C; where that is ignored, the code itself raised it."""
    return (
        isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN
    )


class Accused:
    """A module, or something of its making, whose calls are noted."""

    def __init__(self, target, text: str, record: Record, maker=None):
        self._target, self._text, self._record = target, text, record
        self._maker = target if callable(target) else maker  # whose definition a failure points at

    def __getattr__(self, name: str):
        if name.startswith(("_", "hypothesis_")):
            raise AttributeError(f"a test may not read {name}")
        text = f"{self._text}.{name}" if self._text else name
        try:
            value = getattr(self._target, name)
        except AttributeError:
            raise Missing(f"The file does not define `{text}`") from None
        except Exception as error:
            raise Raised(error) from error
        if not self._text and name in self._record.callables and not callable(value):
            says = f"`{name}` is {brief(value)} and cannot be called: is a `return` missing?"
            raise AssertionError(says)
        return self.seen(value, text)

    def __call__(self, *args, **kwargs):
        text = called(self._text, args, kwargs) if self._record.in_words else self._text
        return self.run(text, self._target, *args, **kwargs)

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
        call = Call(text, self._maker)
        given = [bare(a) for a in args], {k: bare(v) for k, v in kwargs.items()}
        depth = sys.getrecursionlimit()
        try:
            self._record.hear(call, function, *given)
        except BaseException as error:
            if by_the_user(error):
                raise
            call.raised = type(error).__name__
            if isinstance(error, NotImplementedError) and not error.args:  # as a stub raises it
                raise Unwritten(text) from error
            raise Raised(error) from error
        finally:
            sys.setrecursionlimit(depth)
        return self.seen(call.result, text)

    def seen(self, value, text: str):
        """Let data through, and keep hold of everything else."""
        if plain(value) or isinstance(value, Accused):
            return value
        return Accused(value, text, self._record, self._maker)


class Iteration(Accused):
    """An iteration over something the accused made, each step of it noted."""

    def __init__(self, made: Accused):
        super().__init__(iter(made._target), made._text, made._record, made._maker)

    def __iter__(self):
        return self

    def __next__(self):
        if self._record.calls and self._record.calls[-1].text == self._text:
            self._record.calls.pop()  # of several steps the last is enough to tell
        found = self.run(self._text, self.advance)
        if not found:
            raise StopIteration
        return self.seen(found[0], self._text)

    def advance(self) -> list:
        for item in self._target:
            return [item]
        return []


def called(text: str, args: tuple, kwargs: dict) -> str:
    """Write a call as it would stand in a program."""
    given = [*map(told_of, args), *(f"{k}={told_of(v, 40)}" for k, v in kwargs.items())]
    return f"{text}({', '.join(given)})"


def told_of(value, room: int = 60) -> str:
    """Write an argument: what the kata made as the call that made it."""
    return value._text if isinstance(value, Accused) else brief(value, room)


def bare(value):
    """Give the accused its own objects back as they were."""
    return value._target if isinstance(value, Accused) else value
