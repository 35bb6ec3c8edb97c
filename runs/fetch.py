"""The verb `fetch`: the short story that the examples are about, fetched once."""

import hashlib
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import urlopen

import click

ADDRESS = (
    "https://raw.githubusercontent.com/rasbt/LLMs-from-scratch/main/"
    "ch02/01_main-chapter-code/the-verdict.txt"
)
ENOUGH, PATIENCE = 1 << 20, 30  # bytes that no right answer exceeds; seconds


@click.command()
def fetch() -> None:
    """Fetch "The Verdict" (Wharton 1908), and check that it is the text the pages count on."""
    from grader.data import VERDICT_SHA256
    from grader.files import home, write_atomically

    path = home() / "the-verdict.txt"
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == VERDICT_SHA256:
        return click.echo(f"Already here: {path}")
    content = downloaded(ADDRESS, f"put it at {path}, or name it in VERDICT_PATH")
    if hashlib.sha256(content).hexdigest() != VERDICT_SHA256:
        told = f"What {ADDRESS} holds is not the story (its SHA-256 differs): nothing was kept."
        raise click.ClickException(told)
    write_atomically(path, content)
    click.echo(f"Fetched {len(content):,} bytes: {path}")


def downloaded(address: str, instead: str) -> bytes:
    """Return what lies at an address, or raise click.ClickException: what to do `instead`."""
    try:
        with urlopen(address, timeout=PATIENCE) as answer:
            return answer.read(ENOUGH)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        told = f"{address} cannot be reached ({getattr(reason, 'strerror', None) or reason})"
        told += f": fetch the file where there is a network, and {instead}."
        raise click.ClickException(told) from None
