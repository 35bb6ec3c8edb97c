"""What is noted of each step, a line of JSON for each."""

import json
from pathlib import Path

FILE = "metrics.jsonl"


def note(folder: Path, record: dict) -> None:
    """Append what happened in a step."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def noted(folder: Path) -> list[dict]:
    """Read what happened in each step; a line that was not written to its end is left out."""
    path = folder / FILE
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}\n")]


def keep_first(folder: Path, steps: int) -> None:
    """Forget the steps that are to be made again."""
    kept = [json.dumps(record) + "\n" for record in noted(folder) if record["step"] <= steps]
    (folder / FILE).write_text("".join(kept), "utf-8")
