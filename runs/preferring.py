"""Preferences: a model learns which of two responses is the better, by DPO."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import torch
from torch import Tensor, nn

from grader.trees import Tree
from runs.answering import TOGETHER
from runs.duels import Duel, duels_of
from runs.exam import Seen
from runs.exam import tell as tell_answers
from runs.examples import FORM, examples, key_of, parted
from runs.examples import KATAS as READING
from runs.instructing import ASKED, Instructing
from runs.model_files import Loaded
from runs.rows import Row

__all__ = ["FORM"]
DPO = "finetuning/dpo"
KATAS = (*READING, DPO)
LR, DROPOUT, BETA = 3e-5, 0.0, 0.1


class Margins(NamedTuple):
    """How a model does on duels that are held out.

    loss      what DPO makes small
    chosen    the mean log-probability of what is preferred, in nats
    margin    by how much it is above that of the other, on average
    right     the share of duels in which it is above
    answered  loss and answers, as after an instruction tuning
    """

    loss: float
    chosen: float
    margin: float
    right: float
    answered: Seen


def begin(katas: Tree, loaded: Loaded, name: str, rows: Sequence[Row], seed: int, rank: int | None):
    """Make what is learned from rows. Raises click.ClickException, naming a row that is wrong."""
    found = examples(katas, name, rows, loaded)
    parts = parted(katas, name, found, key_of)
    pairs = Instructing(katas, loaded, *parts, adapted=False)
    train, held_out = (duels_of(katas, name, part, loaded) for part in parts)
    return Preferring(pairs, train, held_out)


class Preferring:
    """What is learned from duels; how likely each response was before is known beforehand."""

    def __init__(self, pairs: Instructing, train: list[Duel], held_out: list[Duel]):
        """Ask the model, as it is, how likely all responses are."""
        self.pairs, self.train, self.held_out = pairs, train, held_out
        self.reference, self.reference_held_out = self.logs(train), self.logs(held_out)

    @property
    def model(self) -> nn.Module:
        return self.pairs.model

    def __len__(self) -> int:
        return len(self.train)

    def batch(self, rows: Sequence[int]) -> tuple:
        reference = self.reference[:, list(rows)]
        inputs, targets = self.together([self.train[i] for i in rows])

        def loss(logits: Tensor, targets: Tensor) -> Tensor:
            return self.dpo(self.sums(logits, targets), reference)

        return inputs, targets, loss

    def together(self, duels: Sequence[Duel]) -> tuple[Tensor, Tensor]:
        """Make one batch of all that is chosen, and below it all that is rejected."""
        chosen, rejected = zip(*duels, strict=True)
        return self.pairs.together([*chosen, *rejected])

    def sums(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the log-probabilities of a batch: (2, B), those that are chosen first."""
        sequence_logprob = self.pairs.katas.load(DPO).sequence_logprob
        return sequence_logprob(logits, targets).view(2, -1)

    def dpo(self, policy: Tensor, reference: Tensor) -> Tensor:
        return self.pairs.katas.load(DPO).dpo_loss(*policy, *reference, BETA)

    @torch.no_grad()
    def logs(self, duels: Sequence[Duel]) -> Tensor:
        """Return the log-probabilities of all: (2, N)."""
        self.model.eval()
        parts = [duels[i : i + TOGETHER] for i in range(0, len(duels), TOGETHER)]
        batches = map(self.together, parts)
        return torch.cat([self.sums(self.model(i), t) for i, t in batches], dim=1)

    def look(self) -> dict:
        policy = self.logs(self.held_out)
        loss = self.dpo(policy, self.reference_held_out).item()
        return {"held_out": loss, "margin": float((policy[0] - policy[1]).mean())}

    def examine(self) -> Margins:
        policy = self.logs(self.held_out)
        margins = policy[0] - policy[1]
        return Margins(
            self.dpo(policy, self.reference_held_out).item(),
            policy[0].mean().item(),
            margins.mean().item(),
            (margins > 0).float().mean().item(),
            self.pairs.examine(),
        )

    def tell(self, before: Margins, after: Margins) -> None:
        """Print how the model did before and after."""
        click.echo(f"held out         {len(self.held_out)} pairs of responses")
        for name, form, i in (
            ("DPO's loss", "{:7.4f}", 0),
            ("log-probability", "{:7.2f}", 1),
            ("margin", "{:7.2f}", 2),
            ("preferred", "{:7.1%}", 3),
        ):
            both = form.format(before[i]), form.format(after[i])
            click.echo(f"{name:<17}before {both[0]}, after {both[1]}")
        tell_answers(self.pairs.held_out[:ASKED], before.answered, after.answered)

    def save(self, folder: Path) -> None:
        self.pairs.save(folder)
