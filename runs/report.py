"""What came of a pretraining: a few numbers beside their yardsticks, and the curve of the loss."""

import io

import click
from matplotlib.figure import Figure

from runs.files import write_together
from runs.measuring import bits_per_byte, mean_loss, spelled
from runs.metrics import FILE, noted
from runs.sizes import SIZES
from runs.trainee import shape_of, size_of
from runs.training import Training
from runs.twin import Twin, twin
from runs.yardsticks import counting_bits, gzip_bits

CURVE = "loss.png"


def report(training: Training, tree: str) -> None:
    """Print how well the model foresees all of the held-out text, and draw how it came to that."""
    vocab, _, special_tokens = training.vocabulary
    ids = training.ids.held_out
    context = SIZES[training.settings.size].context
    loss = mean_loss(training.katas, training.trainee.model, ids, context)
    perplexity = training.katas.load("pretraining/perplexity").perplexity
    text = spelled(ids[1:], vocab, special_tokens)
    learned = spelled(training.ids.train[-20_000_000:], vocab, special_tokens)
    write_together(training.folder, {CURVE: curve(noted(training.folder))})
    bits = bits_per_byte(loss, len(ids) - 1, len(text))
    others = f"gzip {gzip_bits(text):.3f}, counting 5-grams {counting_bits(learned, text):.3f}"
    folder = click.format_filename(training.folder)
    click.echo(f"held out         {len(text):,} bytes, {len(ids) - 1:,} tokens")
    click.echo(f"loss             {loss:.4f} nats a token, perplexity {perplexity(loss):,.2f}")
    click.echo(f"bits per byte    {bits:.3f}; {others}")
    compare(training)
    click.echo(f"written to       {folder}, with {CURVE} and {FILE}")
    click.echo(f'To go on: python -m {tree} generate --weights {folder} --prompt "The "')


def compare(training: Training) -> None:
    """Print the last loss beside that of a run of the other kind that was told the same."""
    other = twin(training.folder, training.settings)
    if other:
        mine = Twin(training.folder, training.settings, noted(training.folder)[-1]["held_out"])
        for run in (mine, other):
            shape = shape_of(training.katas, run.settings, len(training.vocabulary.vocab))
            size = size_of(training.katas, shape)
            kind = "modern" if run.settings.modern else "plain"
            name = click.format_filename(run.folder.name)
            told = f"loss {run.loss:.4f} on held-out windows, {size:,} weights"
            click.echo(f"{kind:<17}{told}: {name}")
    elif training.settings.modern:
        click.echo("No plain run that was told the same stands beside it, to compare with.")


def curve(records: list[dict]) -> bytes:
    """Draw the loss of each step, and on held-out text, as a PNG."""
    looks = [record for record in records if "held_out" in record]
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.subplots()
    steps = [record["step"] for record in records]
    axis.plot(steps, [record["loss"] for record in records], color="#9ecae1", lw=1, label="batch")
    steps = [record["step"] for record in looks]
    held_out = [record["held_out"] for record in looks]
    axis.plot(steps, held_out, "o-", color="#08519c", ms=4, label="held out")
    axis.set_xlabel("step")
    axis.set_ylabel("loss, nats a token")
    axis.grid(alpha=0.3)
    axis.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()
