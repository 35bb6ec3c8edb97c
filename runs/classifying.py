"""Classification: what is learned from texts and their labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from grader.trees import Tree
from runs import sentences
from runs.adapting import adapt, merged_state
from runs.answering import TOGETHER
from runs.classifier import CLASSIFIER, DATA, HEAD, LABELS, dataset_of
from runs.files import write_together
from runs.labelled import FORM, labelled
from runs.model_files import Loaded, write_tensors, write_weights
from runs.rows import Row

__all__ = ["FORM"]
KATAS = (DATA, CLASSIFIER, "finetuning/split_dataset")
STEPS, LR, DROPOUT = 200, 1e-3, 0.1
UNCOUNTED = -100
own = sentences.rows

Batch = tuple[Tensor, Tensor, Tensor]  # ids (B, T), lengths (B,), labels (B,)


def begin(katas: Tree, loaded: Loaded, name: str, rows: Sequence[Row], seed: int, rank: int | None):
    """Make what is learned from rows. Raises click.ClickException, naming a row that is wrong."""
    found = labelled(katas, name, rows, loaded, seed)
    click.echo(f"learned          {len(found.train)} texts, as many of each label")
    model, head = loaded.model, loaded.model.head.weight.detach().clone()
    trainable = "head" if rank else "last_block"
    katas.load(CLASSIFIER).to_classifier(model, len(found.labels), trainable)
    if rank:
        adapt(katas, model, rank)
        model.head.requires_grad_(True)
    train = dataset_of(katas, loaded, found.train, None)
    held_out = dataset_of(katas, loaded, found.held_out, train.max_length)
    return Classifying(katas, loaded, found.labels, train, held_out, head, bool(rank))


@dataclass
class Classifying:
    """What is learned from texts, by a model whose head scores labels.

    head  the weight of the head that scored tokens
    """

    katas: Tree
    loaded: Loaded
    labels: list[str]
    train: Dataset
    held_out: Dataset
    head: Tensor
    adapted: bool = False

    @property
    def model(self) -> nn.Module:
        return self.loaded.model

    def __len__(self) -> int:
        return len(self.train)

    def batch(self, rows: Sequence[int]) -> tuple:
        [batch] = DataLoader(Subset(self.train, rows), len(rows))
        return *self.at_the_end(batch), self.katas.load("pretraining/cross_entropy").cross_entropy

    def at_the_end(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Make targets (B, T) that count where a text ends, and there are its label."""
        ids, lengths, labels = self.there(batch)
        targets = torch.full_like(ids, UNCOUNTED)
        targets[torch.arange(len(ids)), lengths - 1] = labels
        return ids, targets

    def there(self, batch: Batch) -> list[Tensor]:
        """Put a batch where the model lies."""
        device = next(self.model.parameters()).device
        return [tensor.to(device) for tensor in batch]

    def look(self) -> dict:
        return {"held_out": self.loss(), "accuracy": self.accuracy()}

    def loss(self) -> float:
        """Average the loss over the labels of texts that are held out."""
        evaluate = self.katas.load("pretraining/perplexity").evaluate
        batches = DataLoader(self.held_out, TOGETHER)
        return evaluate(self.model, map(self.at_the_end, batches))

    def accuracy(self) -> float:
        """Return the share of held-out texts whose label is found."""
        accuracy = self.katas.load(CLASSIFIER).accuracy
        return accuracy(self.model, map(self.there, DataLoader(self.held_out, TOGETHER)))

    def examine(self) -> tuple[float, float]:
        return self.loss(), self.accuracy()

    def tell(self, before: tuple[float, float], after: tuple[float, float]) -> None:
        """Print how the model did before and after."""
        told = "before {:6.3f}, after {:6.3f} nats a text, of {}, all held out"
        click.echo("loss             " + told.format(before[0], after[0], len(self.held_out)))
        told = "before {:6.1%}, after {:6.1%}"
        click.echo("right labels     " + told.format(before[1], after[1]))

    def save(self, folder: Path) -> None:
        """Write the weights of the GPT beneath, the new head, and the names of the labels."""
        state = merged_state(self.katas, self.model, self.adapted)
        ends = {n: state.pop(f"head.{n}") for n in ("weight", "bias")}
        tied = self.loaded.config.tied
        state["head.weight"] = state["tok.weight"] if tied else self.head
        write_weights(self.katas, state, folder)
        write_tensors(ends, folder / HEAD)
        told = {"labels": self.labels, "max_length": self.train.max_length}
        write_together(folder, {LABELS: json.dumps(told, indent=1) + "\n"})
