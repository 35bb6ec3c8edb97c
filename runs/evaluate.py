"""The verb `evaluate`: how well a model foresees a text."""

from pathlib import Path

import click

from runs import texts
from runs.generate import FOLDER
from runs.needs import katas_of

KATAS = (
    "pretraining/perplexity",
    "text/bpe_tokenizer",
    "text/encode_stream",
    "text/utf8_bytes",
)


@click.command(short_help="Measure how well a trained GPT foresees a text.")
@click.option("--weights", required=True, type=FOLDER, metavar="DIR", help="A model's folder.")
@click.option("--text", "file", required=True, type=texts.FILE, help="A text it has not learned.")
@click.pass_obj
def evaluate(tree: str, weights: Path, file: Path) -> None:
    """Print the loss of a model on a text, its perplexity, and bits per byte, beside gzip's."""
    from runs.busy import busy
    from runs.katas import prepare

    katas = prepare(tree, *KATAS, *katas_of(weights))
    with busy("measuring"):
        import numpy as np

        from runs.measuring import bits_per_byte, mean_loss, spelled
        from runs.model_files import read_model
        from runs.yardsticks import gzip_bits

        model, config, (vocab, _, special_tokens), tokenizer, _ = read_model(katas, weights)
        encode_stream = katas.load("text/encode_stream").encode_stream
        ids = np.fromiter(encode_stream(tokenizer.encode, texts.from_file(file)), np.int64)
        if len(ids) < 2:
            told = f"{click.format_filename(file)} has {len(ids)} tokens: a loss needs two or more."
            raise click.ClickException(told)
        loss = mean_loss(katas, model, ids, config.context)
        text = spelled(ids[1:], vocab, special_tokens)
    perplexity = katas.load("pretraining/perplexity").perplexity(loss)
    bits = bits_per_byte(loss, len(ids) - 1, max(len(text), 1))
    click.echo(f"text             {len(text):,} bytes, {len(ids) - 1:,} tokens")
    click.echo(f"loss             {loss:.4f} nats a token, perplexity {perplexity:,.2f}")
    click.echo(f"bits per byte    {bits:.3f}; gzip {gzip_bits(text or b' '):.3f}")
