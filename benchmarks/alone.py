"""What one program takes in a process of its own, where no other's memory is counted.

`python -m benchmarks.alone PROGRAM VOCAB` makes three steps of training;
`python -m benchmarks.alone load transformers FOLDER` loads a model.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rounds import ratios


def measured(*arguments: str) -> tuple[float, float]:
    """Run this module in a child. Return CPU seconds, and by how many MiB it grew."""
    command = [sys.executable, "-m", "benchmarks.alone", *arguments]
    ran = subprocess.run(command, capture_output=True, check=True, text=True)
    seconds, memory = map(float, ran.stdout.split()[-2:])
    return seconds, memory


def loading(vocab: int, rounds: int) -> list[dict]:
    """Time how long each takes to load the same folder."""
    from benchmarks.gpt import transformers

    seconds, memory = {"transformers": [], "reference": []}, {}
    with tempfile.TemporaryDirectory() as folder:
        transformers(vocab).save_pretrained(folder)
        for _ in range(rounds):
            for name, mine in seconds.items():
                took, memory[name] = measured("load", name, folder)
                mine.append(took)
    return [row | {"MiB": memory[row["program"]]} for row in ratios(seconds, "transformers")]


def load(program: str, folder: str) -> None:
    """Load a model as a user would."""
    if program == "transformers":
        from transformers import GPT2LMHeadModel

        GPT2LMHeadModel.from_pretrained(folder)
    else:
        from grader.syllabus import ROOT
        from grader.trees import Tree
        from runs.model_files import read_weights

        read_weights(Tree("katas", ROOT / "reference"), Path(folder))


def train(program: str, vocab: str) -> None:
    """Make three steps: after the first, an optimiser has its memory."""
    from benchmarks.gpt import STEPS

    step = STEPS[program](int(vocab))
    for _ in range(3):
        step()


def main(*arguments: str) -> None:
    import torch

    torch.set_num_threads(1)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    if arguments[0] == "load":
        load(*arguments[1:])
    else:
        train(*arguments)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(time.process_time() - began, grown / 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
