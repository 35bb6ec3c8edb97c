"""The verb `windows`: what a model is trained on, a text's ids and the same ids one step ahead."""

from itertools import islice
from pathlib import Path

import click

from runs import texts
from runs.busy import busy
from runs.choice import KATAS, chosen, tokenizer_options

AT_MOST, WIDTH = 8, 37  # predictions spelled out; characters of a window
COUNT = click.IntRange(min=1)


@click.command(short_help="Show the first batch that a model is trained on.")
@click.argument("file", type=texts.FILE)
@click.option("--context", type=COUNT, default=4, show_default=True, help="Ids in a window.")
@click.option("--stride", type=COUNT, default=4, show_default=True, help="Ids to the next window.")
@click.option("--batch", type=COUNT, default=8, show_default=True, help="Windows to show.")
@tokenizer_options
@click.pass_obj
def windows(tree, file: Path, context: int, stride: int, batch: int, gpt2: bool, folder) -> None:
    """Show the first batch of inputs and targets in FILE, as ids and as text.

    The ids are GPT-2's, unless --dir names another vocabulary. Only as much of FILE is read as the
    batch needs.
    """
    from runs.katas import prepare

    if gpt2 and folder:
        raise click.UsageError("Name one vocabulary: --gpt2, or --dir DIR.")
    katas = prepare(tree, *KATAS, "text/encode_stream", "data/sliding_windows")
    with busy("reading"):
        _, tokenizer = chosen(katas, folder)
        encode_stream = katas.load("text/encode_stream").encode_stream
        stream = encode_stream(tokenizer.encode, texts.from_file(file))
        ids = list(islice(stream, (batch - 1) * stride + context + 1))
        if len(ids) <= context:
            told = f"{click.format_filename(file)} has {len(ids)} ids, and a window needs"
            told += f" {context + 1}: name a longer text, or a smaller --context."
            raise click.ClickException(told)
        inputs, targets = katas.load("data/sliding_windows").sliding_windows(ids, context, stride)
    show_first(ids[: context + 1], tokenizer.decode)
    click.echo(f"Inputs:\n {inputs}\n\nTargets:\n {targets}\n\nInputs and targets as text:")
    for window, ahead in zip(inputs.tolist(), targets.tolist(), strict=True):
        left, right = clipped(tokenizer.decode(window)), clipped(tokenizer.decode(ahead))
        click.echo(f" {left:<{WIDTH}}  {right}")


def show_first(ids: list[int], decode) -> None:
    """Print what the first window asks a model to predict, one more id at a time."""
    steps = range(1, min(len(ids), AT_MOST + 1))
    for i in steps:
        click.echo(f"{ids[:i]} ----> {ids[i]}")
    click.echo()
    for i in steps:
        click.echo(f"{decode(ids[:i])!r} ----> {decode(ids[i : i + 1])!r}")
    if len(ids) - 1 > AT_MOST:
        click.echo(f"and so on, {len(ids) - 1} predictions in all")
    click.echo()


def clipped(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= WIDTH else shown[: WIDTH - 3] + "..."
