"""Writes several files as one: all of them, or none."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_together(folder: Path, contents: dict[str, str | bytes]) -> None:
    """Write files into a folder, which is made if it is not there.

    Raises OSError, and then leaves neither a part of a file nor a folder that was not there.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    temporary = {name: folder / f".{name}.{os.getpid()}" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            data = content if isinstance(content, bytes) else content.encode()
            temporary[name].write_bytes(data)
        with uninterrupted():
            for name, path in temporary.items():
                path.replace(folder / name)
    except BaseException:
        for path in temporary.values():
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it holds something by now, or never came to be
            for path in made:
                path.rmdir()
        raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C for a moment, so that two renames are one step to whoever presses it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def try_to_write_in(folder: Path) -> None:
    """Raise OSError now rather than after long work, if a folder could not be written to."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(nearest)) from None
