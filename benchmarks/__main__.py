"""`python -m benchmarks`: every comparison in one interleaved run, as a table and as JSON."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

PEERS = ("tiktoken", "tokenizers", "rustbpe")


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each program runs.")
@click.option("--size", default=5_000_000, show_default=True, help="Characters of English.")
@click.option("--stream", default=100, show_default=True, help="Megabytes of the stream.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too."
)
def main(rounds: int, size: int, stream: int, file: Path | None) -> None:
    """Measure the reference beside its peers: `pip install -e .[benchmarks]` brings them."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from benchmarks.corpus import english
    from benchmarks.streaming import peak_of_stream
    from benchmarks.tokenizing import encoding, training

    text = english(size)
    click.echo(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    click.echo(f"peers: {', '.join(map(installed, PEERS))}")
    click.echo(f"text: {len(text):,} characters of documentation, {rounds} rounds, CPU seconds")
    found = {"training": training(text, 5_000, rounds)}
    show("train_bpe, vocabulary 5,000; ratios to the reference", found["training"])
    found["encoding"], found["same ids as tiktoken"] = encoding(text, rounds)
    show("encode with GPT-2's vocabulary; ratios to tiktoken", found["encoding"])
    click.echo(f"the very ids of tiktoken: {'; '.join(found['same ids as tiktoken'])}")
    found["stream"] = peak_of_stream(text, stream)
    took = f"{found['stream']['peak']:.1f} MiB at its peak, words remembered included"
    click.echo(f"\nencode_stream, {stream} MB: {took}")
    if file:
        file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} is missing"


def show(title: str, rows: list[dict]) -> None:
    """Print a table: median seconds, median ratio, and between which ratios all rounds lay."""
    click.echo(f"\n{title}")
    for row in rows:
        span = f"{row['least']:.2f} to {row['most']:.2f}"
        click.echo(f"  {row['program']:<18}{row['seconds']:8.2f} s{row['ratio']:8.2f}   {span}")


if __name__ == "__main__":
    main()
