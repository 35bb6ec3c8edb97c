"""The command line of a tree: `python -m reference` and `python -m exercises` start here."""

import click

from grader.start import Verbs, start
from runs.chat import chat
from runs.evaluate import evaluate
from runs.fetch import fetch
from runs.figures import figures
from runs.finetune import finetune
from runs.generate import generate
from runs.prefer import prefer
from runs.pretrain import pretrain
from runs.quantize import quantize
from runs.tokenizer import tokenizer
from runs.translate import translate
from runs.windows import windows


@click.group(cls=Verbs)
def cli() -> None:
    """Run a language model made of one tree of katas.

    What you have not solved in exercises/ is borrowed from reference/, and named.
    """


TEXT = (tokenizer, windows, translate)
MODEL = (pretrain, generate, evaluate, finetune, chat, prefer, quantize)

for verb in (*TEXT, *MODEL, figures, fetch):
    cli.add_command(verb)


def main(tree: str) -> None:
    """Run a verb on a tree."""
    told = "Interrupted. Nothing is left half-written; the same command starts again."
    start(cli, f"python -m {tree}", told, obj=tree)
