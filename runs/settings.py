"""What a training was told, kept beside what it makes, so that it can go on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

FILE = "run.json"
REMEDY = "name another --out, and train anew"


@dataclass(frozen=True)
class Settings:
    """Everything that decides which weights a training ends in.

    text        files to learn from; none: the text that comes with Python
    tokenizer   how many tokens to learn, "gpt2", "bytes", or a folder
    size        a key of SIZES
    steps       how many steps
    batch       windows that a process reads at a time
    accumulate  how many times it reads before a step
    processes   how many processes read at once
    tokens      how many the texts hold
    lr          the highest learning rate
    seed        where all randomness begins
    fused       by torch's fused operators
    compile     by torch.compile
    modern      the model with rotary positions, RMS norm, SwiGLU and grouped queries
    """

    text: tuple[str, ...]
    tokenizer: str
    size: str
    steps: int
    batch: int
    accumulate: int
    processes: int
    tokens: int
    lr: float
    seed: int
    fused: bool
    compile: bool
    modern: bool = False

    @property
    def windows(self) -> int:
        """Count the windows that a step learns from."""
        return self.batch * self.accumulate * self.processes


def refuse_second(folder: Path) -> None:
    """Raise click.ClickException if a folder holds a run already."""
    if (folder / FILE).exists():
        told = f"{click.format_filename(folder)} holds a run already"
        raise click.ClickException(f"{told}: --resume goes on with it; or name another --out.")


def kept(folder: Path) -> Settings:
    """Read what a training in a folder was told. Raises click.ClickException."""
    path = folder / FILE
    try:
        read = json.loads(path.read_text("utf-8"))
        return Settings(**{**read, "text": tuple(read["text"])})
    except FileNotFoundError:
        told = f"{click.format_filename(folder)} holds no run to resume (no {FILE})"
        raise click.ClickException(f"{told}: leave --resume out, or name its --out.") from None
    except (ValueError, TypeError, KeyError):
        told = f"{click.format_filename(path)} is not what a run writes: {REMEDY}."
        raise click.ClickException(told) from None


def written(settings: Settings) -> str:
    return json.dumps(asdict(settings), indent=1) + "\n"
