"""Instruction tuning: a model learns to respond, from pairs of an instruction and its response."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from grader.trees import Tree
from runs import spelling
from runs.adapting import adapt, merged_state
from runs.answering import TOGETHER, answers
from runs.exam import Seen, one_line, question, tell
from runs.examples import FORM, KATAS, Example, examples, key_of, parted
from runs.model_files import Loaded, write_weights
from runs.rows import Row
from runs.vocabulary import end_of_text

__all__ = ["FORM", "KATAS"]
STEPS, LR, DROPOUT = 1_200, 3e-3, 0.1
LOOKED_AT, ASKED = 64, 200  # held-out pairs in each look, and before and after
own = spelling.pairs


def begin(katas: Tree, loaded: Loaded, name: str, rows: Sequence[Row], seed: int, rank: int | None):
    """Make what is learned from rows. Raises click.ClickException, naming a row that is wrong."""
    found = examples(katas, name, rows, loaded)
    train, held_out = parted(katas, name, found, key_of)
    if rank:
        adapt(katas, loaded.model, rank)
    return Instructing(katas, loaded, train, held_out, bool(rank))


@dataclass
class Instructing:
    """What is learned from pairs, by a model of which all learns, or only adapters."""

    katas: Tree
    loaded: Loaded
    train: list[Example]
    held_out: list[Example]
    adapted: bool

    @property
    def model(self) -> nn.Module:
        return self.loaded.model

    def __len__(self) -> int:
        return len(self.train)

    def batch(self, rows: Sequence[int]) -> tuple:
        inputs, targets = self.together([self.train[i] for i in rows])
        return inputs, targets, self.katas.load("pretraining/cross_entropy").cross_entropy

    def together(self, found: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """Make inputs and targets of which only the responses count, on the model's device."""
        collate = self.katas.load("finetuning/collate").collate
        context, device = self.loaded.config.context, next(self.model.parameters()).device
        end = end_of_text(self.loaded.vocabulary)
        inputs, targets = collate([e.ids for e in found], end, max_length=context)
        lengths = torch.tensor([example.prompt for example in found])
        masked = self.katas.load("finetuning/prompt_mask").mask_prompt(targets, lengths)
        return inputs.to(device), masked.to(device)

    def look(self) -> dict:
        asked = self.held_out[0]
        [answer] = self.answered([asked])
        sample = f"{one_line(question(asked))}\n{one_line(answer)}"
        return {"held_out": self.loss(LOOKED_AT), "sample": sample}

    def loss(self, most: int | None = None) -> float:
        """Average the loss over the responses of pairs that are held out."""
        few = self.held_out[:most]
        parts = [few[i : i + TOGETHER] for i in range(0, len(few), TOGETHER)]
        evaluate = self.katas.load("pretraining/perplexity").evaluate
        return evaluate(self.model, map(self.together, parts))

    def answered(self, found: Sequence[Example]) -> list[str]:
        """Have the model answer; no answer goes on for longer than the longest right one."""
        most = max(len(e.ids) - e.prompt for e in found) + 1
        prompts = [e.ids[: e.prompt] for e in found]
        context, vocabulary = self.loaded.config.context, self.loaded.vocabulary
        end = end_of_text(vocabulary)
        rows = answers(self.katas, self.model, prompts, most, context, end)
        vocab = vocabulary.vocab
        return [b"".join(vocab[i] for i in row).decode(errors="replace") for row in rows]

    def examine(self) -> Seen:
        return Seen(self.loss(), self.answered(self.held_out[:ASKED]))

    def tell(self, before: Seen, after: Seen) -> None:
        tell(self.held_out[:ASKED], before, after)

    def save(self, folder: Path) -> None:
        """Write the weights, adapters merged into them."""
        state = merged_state(self.katas, self.model, self.adapted)
        write_weights(self.katas, state, folder)
