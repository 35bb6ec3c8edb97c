"""A model that writes on from a text, alone or with one that guesses ahead for it."""

from collections.abc import Iterator
from pathlib import Path

import click
import torch

from grader.trees import Tree
from runs.fused_reader import FusedReader
from runs.model_files import Loaded, read_model
from runs.modern import ModernGPT
from runs.remembering import Remembering, remembering
from runs.vocabulary import end_of_text
from runs.writing import as_text, continuation, picker, rule

SPECULATIVE = "scaling/speculative_decoding"
GUESSES = 4  # ids that are drafted at a time


class Writer:
    """A model, and how it chooses what comes next."""

    def __init__(
        self,
        katas: Tree,
        weights: Path,
        draft: Path | None,
        seed: int,
        *,
        cache: bool,
        fused: bool,
        **rules,
    ):
        """Read it, and the model that drafts for it. Raises click.ClickException."""
        self.katas, self.seed, self.rules = katas, seed, rules
        self.cache, self.fused = cache, fused
        self.loaded = read_model(katas, weights)
        self.model = self.ready(self.loaded)
        self.steps: list[int] = []
        self.draft = self.drafter(draft) if draft else None

    def ready(self, loaded: Loaded) -> torch.nn.Module:
        """Give a model what it was told to read with."""
        if not self.fused:
            return remembering(self.katas, loaded.model) if self.cache else loaded.model
        if loaded.int8 or isinstance(loaded.model, ModernGPT):
            raise click.ClickException("--fused is for plain GPTs in floats: leave it out.")
        reader = FusedReader(self.katas, loaded.model)
        return Remembering(reader, reader.caches())

    def drafter(self, folder: Path) -> torch.nn.Module:
        """Read a model that guesses ahead; its vocabulary must be the same."""
        found = read_model(self.katas, folder)
        if found.vocabulary.vocab != self.loaded.vocabulary.vocab:
            told = f"{click.format_filename(folder)} has another vocabulary than --weights"
            raise click.ClickException(f"{told}: draft with a model of the same tokenizer.")
        return self.ready(found)

    def write(self, prompt: str, count: int) -> Iterator[str]:
        """Write on, piece by piece, at most `count` tokens, or to the end of the text."""
        vocabulary, end = self.loaded.vocabulary, end_of_text(self.loaded.vocabulary)
        ids = self.loaded.tokenizer.encode(prompt) or [end or 0]
        new = self.speculated(ids, count, end) if self.draft else self.alone(ids, count, end)
        return as_text(new, vocabulary.vocab)

    def alone(self, ids: list[int], count: int, end: int | None) -> Iterator[int]:
        """Write ids, each as soon as it is known."""
        pick, context = picker(self.katas, self.seed, **self.rules), self.loaded.config.context
        return continuation(self.katas, self.model, ids, count, context, pick, end)

    def speculated(self, ids: list[int], count: int, end: int | None) -> Iterator[int]:
        """Write ids as they are drafted, checked and kept."""
        for new in self.katas.load(SPECULATIVE).speculate(
            self.model,
            self.draft,
            torch.tensor([ids]),
            count,
            self.loaded.config.context,
            rule(self.katas, **self.rules),
            torch.Generator().manual_seed(self.seed),
            GUESSES,
        ):
            self.steps.append(len(new))
            for id in new:
                if id == end:
                    return
                yield id

    def drafted(self) -> str:
        """Say how many guesses were kept."""
        asked, kept = len(self.steps), sum(self.steps) - len(self.steps)
        told = f"{sum(self.steps):,} tokens, and the model was asked {asked:,} times"
        return f"{told}: {kept / max(asked, 1):.2f} of {GUESSES} guesses were kept each time."
