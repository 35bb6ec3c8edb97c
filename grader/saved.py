"""Tells which files of the checkout were saved."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread

from grader.syllabus import ROOT

JUDGING = ("grader", "tests", "spec", "reference")
DELAY = 0.1  # seconds between two looks, where nothing tells of saves
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
        found = polled(folders, self.over) if self.poll else watch(*folders, **options)
        for changes in found:
            if sources := {Path(name) for _, name in changes if is_source(name)}:
                self.told.send(sources)

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


def polled(folders: list[Path], over: Event) -> Iterator[set[tuple[str, str]]]:
    """Look every tenth of a second what is not as it was: saves within a second count, too."""
    before = stamps(folders)
    while not over.wait(DELAY):
        now = stamps(folders)
        if changed := {name for name, _ in before ^ now}:
            yield {("changed", name) for name in changed}
        before = now


def stamps(folders: list[Path]) -> set[tuple[str, tuple]]:
    """Note when each file was written last, how long it is, and which one it is."""
    found = set()
    for place, _, names in (entry for folder in folders for entry in os.walk(folder)):
        for name in names:
            with suppress(OSError):
                stat = os.stat(path := os.path.join(place, name))
                found.add((path, (stat.st_mtime_ns, stat.st_size, stat.st_ino)))
    return found


def is_source(name: str) -> bool:
    return name.endswith((".py", ".md", ".toml", ".json")) and "__pycache__" not in name


def judging(paths: Iterable[Path]) -> bool:
    """Say whether any of these files decides how others are judged."""
    return any(path.is_relative_to(ROOT / name) for path in paths for name in JUDGING)
