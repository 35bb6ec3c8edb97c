"""A real terminal, seen as a person would see it: the program runs behind a pseudo-terminal."""

import os
import time
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect", reason="needs pexpect: pip install -e .[screens]")
pyte = pytest.importorskip("pyte", reason="needs pyte: pip install -e .[screens]")

SCREENS = Path(__file__).parent / "screens"
PATIENCE = 60  # seconds: a guard against waiting for ever, on a busy machine
RESTS = 0.3  # seconds of silence after which a screen is complete


class Terminal:
    """A program in a terminal of this many lines and columns."""

    def __init__(self, command: list[str], cwd: Path, env: dict, size=(24, 80)):
        self.screen = pyte.Screen(size[1], size[0])
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.program = pexpect.spawn(
            command[0], command[1:], cwd=str(cwd), env=env, dimensions=size, timeout=PATIENCE
        )
        self.program.delaybeforesend = None

    def look(self, patience: float = 0.05) -> bool:
        """Take what the program writes. False if it is silent."""
        try:
            written = self.program.read_nonblocking(1 << 16, patience)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.raw += written
        self.stream.feed(written)
        return True

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.lines()).rstrip() + "\n"

    def until(self, *shown: str, gone: str = "") -> str:
        """Wait until all these stand on the screen, and this does not. Return it once it rests."""
        end = time.monotonic() + PATIENCE
        while not self.shows(shown, gone):
            assert time.monotonic() < end, f"waited for {shown}, not {gone!r}:\n{self.text()}"
            self.look()
        while self.look(RESTS):
            pass
        return self.text()

    def shows(self, shown: tuple[str, ...], gone: str) -> bool:
        text = self.text()
        return all(part in text for part in shown) and not (gone and gone in text)

    def press(self, key: str) -> None:
        self.program.send(key)

    def resize(self, lines: int, columns: int) -> None:
        self.screen.resize(lines, columns)
        self.program.setwinsize(lines, columns)

    def end(self) -> int:
        """Wait until the program has ended, and return its exit code."""
        while self.program.isalive():
            self.look()
        self.look()
        self.program.close()
        return self.program.exitstatus


def assert_screen(name: str, text: str) -> None:
    """Assert that a screen is the one on file. KATA_SCREENS=write writes it, to be looked at."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("KATA_SCREENS") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def save(path: Path, text: str) -> None:
    """Save as most editors do: write another file, and give it the name."""
    other = path.with_name(f".{path.name}.new")
    other.write_text(text, "utf-8")
    os.replace(other, path)
