"""The `kata` command, also `python -m grader`."""

from grader.cli import cli
from grader.start import start


def main() -> None:
    """Run a verb."""
    start(cli, "kata", "Interrupted. Nothing is lost; the same command starts again.")


if __name__ == "__main__":
    main()
