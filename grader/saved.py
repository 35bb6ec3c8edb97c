"""Tells which files of the checkout were saved."""

from collections.abc import Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread

from grader.syllabus import ROOT

JUDGING = ("grader", "tests", "spec", "reference")
PATIENCE, STEP = 50, 10  # milliseconds: within which, and after which silence, saves are one


class Saves:
    """Watches the folders, not the files: editors that save by renaming end the watch of a file."""

    def __init__(self, poll: bool):
        self.heard, self.told = Pipe(duplex=False)
        self.poll, self.over = poll, Event()
        Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        from watchfiles import watch

        folders = [ROOT / name for name in ("exercises", *JUDGING)]
        options = {"debounce": PATIENCE, "step": STEP, "stop_event": self.over}
        options |= {"force_polling": self.poll, "poll_delay_ms": 100, "watch_filter": is_source}
        for changes in watch(*folders, **options):
            self.told.send({Path(name) for _, name in changes})

    def waits_for(self) -> list[Connection]:
        return [self.heard]

    def read(self) -> set[Path]:
        """Return all that was saved since the last time."""
        found = self.heard.recv()
        while self.heard.poll():
            found |= self.heard.recv()
        return found

    def close(self) -> None:
        self.over.set()


def is_source(_, name: str) -> bool:
    return name.endswith((".py", ".md", ".toml", ".json")) and "__pycache__" not in name


def judging(paths: Iterable[Path]) -> bool:
    """Say whether any of these files decides how others are judged."""
    return any(path.is_relative_to(ROOT / name) for path in paths for name in JUDGING)
