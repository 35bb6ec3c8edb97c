"""What a watcher sees: painted anew each time, or, where that cannot be, line after line."""

import os
import sys
from collections.abc import Callable

import click

from grader import show


def paintable(plain: bool) -> bool:
    """Say whether the output is a terminal that can be cleared, and may be."""
    return not plain and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


class Screen:
    """A terminal that is cleared before each verdict: only what is true now stands there."""

    def __init__(self, plain: bool):
        self.plain, self.paints, self.parts = plain, paintable(plain), []

    def paint(self, *draw: Callable) -> None:
        """Draw parts, each by calling it, in the place of all that stood there."""
        self.parts = list(draw)
        self.again()

    def add(self, draw: Callable) -> None:
        """Draw one part more below the others."""
        self.parts.append(draw)
        draw()
        sys.stdout.flush()

    def note(self, sentence: str) -> None:
        """Say something that the next verdict makes needless."""
        self.add(lambda: show.say(sentence))

    def announce(self, sentence: str) -> None:
        """Say what is going on, where it can be taken away again."""
        if self.paints:
            self.note(sentence)

    def resized(self) -> None:
        if self.paints:
            self.again()

    def again(self) -> None:
        """Draw everything anew."""
        if self.paints:
            click.clear()
        for draw in self.parts:
            draw()
        if not self.paints:
            show.say()
        sys.stdout.flush()
