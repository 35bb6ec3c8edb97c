"""A language model made of your own work: `python -m exercises --help`."""

from runs.main import main

if __name__ == "__main__":
    main("exercises")
