"""What one program takes in a process of its own, where no other's memory is counted.

`python -m benchmarks.alone train PROGRAM VOCAB` makes three steps of training;
`python -m benchmarks.alone load transformers FOLDER` loads a model;
`python -m benchmarks.alone attend PROGRAM T BACKWARD` attends to T positions, and back.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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


def loader(program: str, folder: str) -> Callable[[], object]:
    """Return what loads a model as a user would."""
    if program == "transformers":
        from transformers import GPT2LMHeadModel

        return lambda: GPT2LMHeadModel.from_pretrained(folder)
    from grader.syllabus import ROOT
    from grader.trees import Tree
    from runs.model_files import read_weights

    katas = Tree("katas", ROOT / "reference")
    katas.load("gpt/load_gpt2")
    return lambda: read_weights(katas, Path(folder))


def trainer(program: str, vocab: str) -> Callable[[], object]:
    """Return what makes three steps: after the first, an optimiser has its memory."""
    import transformers.models.gpt2.modeling_gpt2  # noqa: F401  a library is not a step's memory

    from benchmarks.gpt import STEPS

    def train() -> None:
        step = STEPS[program](int(vocab))
        for _ in range(3):
            step()

    return train


def attender(program: str, T: str, backward: str) -> Callable[[], object]:
    """Return a run of attention, for which all that takes memory once has been used."""
    from benchmarks.scaling import attend

    attend(program, 2, bool(int(backward)))()
    return attend(program, int(T), bool(int(backward)))


PROGRAMS = {"load": loader, "train": trainer, "attend": attender}


def peak() -> float:
    """Return the most memory that this process has held, in MiB. Only Linux tells."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)[1]) / 1024


def main(*arguments: str) -> None:
    import torch

    torch.set_num_threads(1)
    program = PROGRAMS[arguments[0]](*arguments[1:])
    before, began = peak(), time.process_time()
    program()
    print(time.process_time() - began, peak() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
