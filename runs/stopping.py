"""Ends a training between two steps, when somebody asks for it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Whether somebody has asked to stop, and by which signal."""

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.asked: int | None = None

    def note(self, number: int, _frame) -> None:
        """Note the wish. Whoever presses Ctrl-C a second time is obeyed at once."""
        self.asked = number
        signal.signal(
            number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler
        )
        self.say("Stopping after this step.")


@contextmanager
def stoppable(say: Callable[[str], None]) -> Iterator[Stop]:
    """Note Ctrl-C, and the polite signal of a batch system, instead of dying of them."""
    stop, numbers = Stop(say), (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
