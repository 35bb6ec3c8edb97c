"""A fine-tuning on its way: it makes a step on some rows, looks at how it does, and saves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from grader.trees import Tree
from runs.group import Group
from runs.pace import MAX_NORM, rate
from runs.saving import saving

Loss = Callable[[Tensor, Tensor], Tensor]


class Pace(NamedTuple):
    """How a tuning goes: how many steps, of how many rows, at which highest rate."""

    steps: int
    batch: int
    lr: float
    seed: int


class Task(Protocol):
    """What is learned from rows, which are numbered.

    model  what learns
    """

    model: nn.Module

    def __len__(self) -> int:
        """Count the rows to learn from."""

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, Loss]:
        """Return inputs and targets for some rows, and the loss that takes logits and targets."""

    def look(self) -> dict:
        """Return the loss on what is held out, and a sample."""

    def save(self, folder: Path) -> None:
        """Write the weights."""


@dataclass
class Tuning:
    """A tuning on its way; `made` steps have been made, and `saved` of them are on the disk."""

    katas: Tree
    settings: Pace
    task: Task
    optimizer: torch.optim.Optimizer
    folder: Path
    group: Group
    made: int = 0
    saved: int = 0
    tokens: int = 0  # in the last batch
    order: tuple[int, ...] = ()  # rows that this pass has still to come to

    def __post_init__(self):
        self.generator = torch.Generator().manual_seed(self.settings.seed)

    def step(self) -> dict[str, float]:
        """Make one step."""
        while len(self.order) < self.settings.batch:
            drawn = torch.randperm(len(self.task), generator=self.generator)
            self.order += tuple(drawn.tolist())
        rows, self.order = self.order[: self.settings.batch], self.order[self.settings.batch :]
        inputs, targets, loss = self.task.batch(rows)
        self.tokens = inputs.numel()
        record = self.katas.load("pretraining/training_loop").train_step(
            self.task.model,
            [(inputs, targets)],
            self.optimizer,
            lr=rate(self.katas, self.made, self.settings.steps, self.settings.lr),
            max_norm=MAX_NORM,
            loss=loss,
        )
        self.made += 1
        return {"step": self.made, **record}

    def look(self) -> dict:
        """Return what the task sees."""
        return self.task.look()

    def save(self) -> None:
        """Write the weights. Raises click.ClickException if there is no room."""
        with saving(self.made, self.saved, "and tune again"):
            self.task.save(self.folder)
        self.saved = self.made
