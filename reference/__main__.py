"""A language model made of the reference: `python -m reference --help`."""

from runs.main import main

if __name__ == "__main__":
    main("reference")
