"""Where what is kept beside the learner's files lies, and how a file is written."""

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

from grader.syllabus import ROOT


@cache
def home() -> Path:
    """Return the folder for what is kept beside the learner's files, writable if any is."""
    folder = Path(os.environ.get("KATA_HOME", ROOT / ".kata"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        folder = (
            Path(tempfile.gettempdir()) / f"llm-kata-{hashlib.sha256(bytes(ROOT)).hexdigest()[:12]}"
        )
        folder.mkdir(exist_ok=True)
    return folder


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all. Raises OSError and leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
