"""What was measured, as tables for people."""

from importlib.metadata import PackageNotFoundError, version

import click

FURTHER = {
    "GB per second": 1,
    "tokens per second": 0,
    "MiB": 0,
    "perplexity": 3,
    "kB": 0,
    "times the time to read": 2,
}


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
        more = "".join(f"{row[key]:9,.{n}f} {key}" for key, n in FURTHER.items() if key in row)
        told = f"  {row['program']:<18}{row['seconds']:8.3f} s{row['ratio']:8.2f}   {span:<12}"
        click.echo(told + more)
