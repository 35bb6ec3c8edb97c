"""The verb `quantize`: the weights of a model in a byte each."""

from pathlib import Path

import click

from runs import texts
from runs.generate import FOLDER
from runs.needs import INT8, katas_of
from runs.pretrain import OUT

KATAS = (
    "pretraining/perplexity",
    "text/bpe_tokenizer",
    "text/encode_stream",
    "text/utf8_bytes",
    INT8,
)


@click.command(short_help="Write the weights of a trained GPT in a byte each.")
@click.option("--weights", required=True, type=FOLDER, metavar="DIR", help="A model's folder.")
@click.option("--out", required=True, type=OUT, metavar="DIR", help="Where the small one goes.")
@click.option("--text", "file", type=texts.FILE, help="A text it has not learned, to compare with.")
@click.pass_obj
def quantize(tree: str, weights: Path, out: Path, file: Path | None) -> None:
    """Round the weights of every linear layer, and compare size and perplexity.

    The folder that this writes is for `generate`, `chat` and `evaluate`. The perplexities are on a
    part of --text, or else of what the model's own training held out, or of the text that comes
    with Python.
    """
    from runs.finetune import begin_in
    from runs.katas import prepare

    begin_in(out)
    katas = prepare(tree, *KATAS, *katas_of(weights))
    from runs.quantizing import quantizing

    quantizing(katas, weights, out, file)
    click.echo(f"To go on: python -m {tree} generate --weights {click.format_filename(out)}")
