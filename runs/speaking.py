"""What a model says to a line: an answer, or, if it is a classifier, a label."""

from collections.abc import Iterator
from pathlib import Path

from grader.trees import Tree
from runs.classifier import LABELS, Classifier
from runs.model_files import read_model
from runs.remembering import remembering
from runs.vocabulary import end_of_text
from runs.writing import as_text, continuation, harmless, picker

FORMAT = "finetuning/instruction_format"
ROOM = 4  # a quarter of the context is kept for the answer, or less if less is wanted


class Speaker:
    """A model that answers, and reads what was said before as far as there is room."""

    def __init__(self, katas: Tree, folder: Path, tokens: int, cache: bool, seed: int, **rules):
        """Read it. Raises click.ClickException if it is not whole."""
        self.katas, self.tokens = katas, tokens
        loaded = read_model(katas, folder)
        self.model = remembering(katas, loaded.model) if cache else loaded.model
        self.vocabulary, self.tokenizer = loaded.vocabulary, loaded.tokenizer
        self.context = loaded.config.context
        self.end = end_of_text(self.vocabulary)
        self.pick = picker(katas, seed, **rules)
        self.turns: list[list[int]] = []  # what was asked, answered, and the end of it

    def answer(self, line: str) -> Iterator[str]:
        """Answer a line, piece by piece. Raises ValueError if it is too long."""
        asked = self.tokenizer.encode(self.katas.load(FORMAT).format_prompt({"instruction": line}))
        if len(asked) >= self.context:
            reads = f"{self.context:,} tokens are read, and with this line there are {len(asked):,}"
            raise ValueError(f"{reads}: say it in fewer words.")
        given = self.opening(asked)
        count = min(self.tokens, self.context - len(given))
        rules = count, self.context, self.pick, self.end
        answered: list[int] = []

        def noted() -> Iterator[int]:
            for id in continuation(self.katas, self.model, given, *rules):
                answered.append(id)
                yield id

        try:
            yield from map(harmless, as_text(noted(), self.vocabulary.vocab))
        finally:
            end = [] if self.end is None else [self.end]
            self.turns.append([*asked, *answered, *end])

    def opening(self, asked: list[int]) -> list[int]:
        """Return what the model reads: the last turns for which there is room, and the question."""
        left = self.context - len(asked) - min(self.tokens, self.context // ROOM)
        read = asked
        for turn in reversed(self.turns):
            left -= len(turn)
            if left < 0:
                break
            read = turn + read
        return read

    def forget(self) -> None:
        """Begin anew."""
        self.turns.clear()


class Judge:
    """A classifier, which says the label of a line, and how sure it is."""

    def __init__(self, katas: Tree, folder: Path):
        """Read it. Raises click.ClickException if it is not whole."""
        self.classifier = Classifier(katas, folder)

    def answer(self, line: str) -> Iterator[str]:
        """Label a line."""
        label, share = self.classifier.label(line)
        yield f"{label}  {share:.1%}"

    def forget(self) -> None:
        """Forget nothing: every line is judged by itself."""


def voice(katas: Tree, folder: Path, **told) -> Speaker | Judge:
    """Read whichever model a folder holds."""
    return Judge(katas, folder) if judges(folder) else Speaker(katas, folder, **told)


def judges(folder: Path) -> bool:
    """Say whether a folder holds a classifier."""
    return (folder / LABELS).exists()
