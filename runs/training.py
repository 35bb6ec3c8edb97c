"""A training on its way: it makes a step, looks at how it does, and saves."""

from dataclasses import dataclass
from pathlib import Path

import click
import torch

from grader.trees import Tree
from runs.corpus import Corpus
from runs.group import Group, averaged_last
from runs.measuring import mean_loss
from runs.model_files import reason, write_weights
from runs.pace import MAX_NORM, rate
from runs.remembering import remembering
from runs.saving import saving
from runs.settings import Settings
from runs.sizes import SIZES
from runs.trainee import Trainee
from runs.vocabulary import Vocabulary
from runs.writing import as_text, continuation, picker

CHECKPOINT = "checkpoint.pt"
WINDOWS = 64  # held-out windows in each look
PROMPT, SAMPLE = 16, 120  # ids


@dataclass
class Training:
    """A training on its way; `made` steps have been made, and `saved` of them are on the disk."""

    katas: Tree
    settings: Settings
    folder: Path
    group: Group
    vocabulary: Vocabulary
    ids: Corpus
    trainee: Trainee
    generator: torch.Generator
    made: int = 0
    saved: int = 0

    def resume(self) -> None:
        """Go back to the last checkpoint. Raises click.ClickException if it is not whole."""
        load = self.katas.load("pretraining/checkpoint").load_checkpoint
        path, trainee = self.folder / CHECKPOINT, self.trainee
        try:
            self.made = self.saved = load(path, trainee.model, trainee.optimizer, self.generator)
        except FileNotFoundError:
            return  # stopped before the first one: the beginning is where it stands
        except (KeyError, ValueError) as error:
            told = f"{click.format_filename(path)} does not fit this run ({reason(error)})"
            raise click.ClickException(f"{told}: name another --out, and train anew.") from None

    @property
    def tokens(self) -> int:
        """Count the tokens that a step learns from."""
        return self.settings.windows * SIZES[self.settings.size].context

    def step(self) -> dict[str, float]:
        """Make one step. What it raises leaves all as it was before."""
        s, context = self.settings, SIZES[self.settings.size].context
        load, before = self.katas.load, (self.generator.get_state(), torch.get_rng_state())
        drawn = load("data/get_batch").get_batch(self.ids.train, s.windows, context, self.generator)
        mine = (self.group.share(windows).chunk(s.accumulate) for windows in drawn)
        try:
            record = load("pretraining/training_loop").train_step(
                self.trainee.trained,
                averaged_last(self.trainee.trained, zip(*mine, strict=True)),
                self.trainee.optimizer,
                lr=rate(self.katas, self.made, s.steps, s.lr),
                max_norm=MAX_NORM,
                loss=self.trainee.loss,
            )
        except Exception:
            self.generator.set_state(before[0])
            torch.set_rng_state(before[1])
            raise
        self.made += 1
        return {"step": self.made, **record}

    def look(self) -> dict:
        """Return the loss on held-out text, and a sample. Only one process looks."""
        if not self.group.writes:
            return {}
        context, model = SIZES[self.settings.size].context, self.trainee.model
        loss = mean_loss(self.katas, model, self.ids.held_out, context, WINDOWS)
        prompt = self.ids.held_out[:PROMPT].tolist()
        pick = picker(self.katas, self.settings.seed, temperature=0.8)
        cached = remembering(self.katas, model)
        written = continuation(self.katas, cached, prompt, SAMPLE, context, pick, None)
        text = "".join(as_text([*prompt, *written], self.vocabulary.vocab))
        return {"held_out": loss, "sample": text}

    def save(self) -> None:
        """Write a checkpoint and the weights. Raises click.ClickException if there is no room."""
        if not self.group.writes:
            return
        save = self.katas.load("pretraining/checkpoint").save_checkpoint
        trainee, path = self.trainee, self.folder / CHECKPOINT
        with saving(self.made, self.saved, "and --resume from there"):
            write_weights(self.katas, trainee.model.state_dict(), self.folder)
            save(path, trainee.model, trainee.optimizer, self.made, self.generator)
        self.saved = self.made
