"""Keys, one at a time, while something else is waited for."""

import contextlib
import os
import signal
import sys
from multiprocessing import Pipe
from threading import Thread

import click

with contextlib.suppress(ImportError):  # Windows has neither
    import termios
    import tty


class Keys:
    """The keyboard of a terminal, which gives each key at once and does not show it.

    Used in a `with`. After a suspended program goes on, `resumed` is called.
    """

    def __init__(self, resumed):
        self.resumed, self.kept, self.source = resumed, None, None

    def __enter__(self):
        if not sys.stdin.isatty():
            return self
        if "termios" in globals():
            self.kept, self.source = termios.tcgetattr(0), sys.stdin
            self.one_by_one()
            signal.signal(signal.SIGTSTP, self.suspend)
        else:
            self.source, keys = Pipe(duplex=False)
            Thread(target=typed_into, args=(keys,), daemon=True).start()
        return self

    def __exit__(self, *_):
        if self.kept:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            termios.tcsetattr(0, termios.TCSADRAIN, self.kept)

    @contextlib.contextmanager
    def lent(self):
        """Give the keyboard to another program for a while."""
        self.__exit__()
        yield
        self.__enter__()

    def one_by_one(self) -> None:
        tty.setcbreak(0, termios.TCSADRAIN)

    def suspend(self, *_) -> None:
        """Leave the terminal as it was found, stop, and go on as before."""
        self.__exit__()
        signal.raise_signal(signal.SIGTSTP)
        self.__enter__()
        self.resumed()

    def waits_for(self) -> list:
        return [self.source] if self.source else []

    def read(self) -> str:
        """Return the key that was pressed; nothing at the end of the input."""
        if self.kept:
            return os.read(0, 1).decode(errors="replace") or self.end()
        return self.source.recv()

    def end(self) -> str:
        self.source = None
        return ""


def typed_into(keys) -> None:
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            keys.send(click.getchar())
