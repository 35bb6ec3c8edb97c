"""The verb `finetune`: a model that continues text becomes one that answers, or that judges."""

from pathlib import Path

import click

from runs import texts
from runs.generate import FOLDER
from runs.generate import KATAS as READING
from runs.needs import katas_of
from runs.pretrain import COUNT, OUT, RATE, SEED
from runs.pretrain import KATAS as PRETRAINING

TINY = Path("gpt-tiny")  # what `pretrain` makes if nothing else is said
KATAS = (
    *READING,
    "pretraining/adamw",
    "pretraining/cosine_schedule",
    "pretraining/cross_entropy",
    "pretraining/param_groups",
    "pretraining/perplexity",
    "pretraining/training_loop",
    "scaling/kv_cache",
)
LORA = "finetuning/lora"


@click.command(short_help="Tune a GPT to answer, or to classify.")
@click.option(
    "--weights", type=FOLDER, metavar="DIR", help="A model's folder.  [default: gpt-tiny]"
)
@click.option("--data", type=texts.FILE, metavar="FILE", help="Rows to learn: JSON, JSONL or CSV.")
@click.option("--classify", is_flag=True, help="Learn the labels of texts.")
@click.option("--lora", "rank", type=COUNT, metavar="R", help="Only adapters of rank R learn.")
@click.option("--steps", type=COUNT, help="How many steps.  [default: by the data]")
@click.option("--batch", type=COUNT, default=16, show_default=True, help="Rows read at once.")
@click.option("--lr", type=RATE, help="The highest learning rate.  [default: by width]")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--out", type=OUT, metavar="DIR", help="Where.  [default: gpt-tuned or gpt-classifier]"
)
@click.pass_obj
def finetune(
    tree: str, weights: Path | None, data: Path | None, out: Path | None, classify: bool, **told
) -> None:
    """Tune a GPT on instructions and their responses, or with --classify on texts and labels.

    FILE holds rows with "instruction", "output" and, if there is one, "input"; or with "text" and
    "label". Without --data there are several hundred about words, which are written to
    data.json for you to read and extend. Without --weights the tiny model of `pretrain` is
    made first, if gpt-tiny does not hold it yet.

    A part of the rows is held out, and answered before and after.
    """
    folder = out or Path("gpt-classifier" if classify else "gpt-tuned")
    begin_in(folder)
    from runs import classifying, instructing
    from runs.katas import prepare
    from runs.tuned import source_of, tune

    kind = classifying if classify else instructing
    source = source_of(kind, data, folder, told["seed"])
    others = (*(katas_of(weights) if weights else PRETRAINING), *([LORA] if told["rank"] else ()))
    katas = prepare(tree, *KATAS, *kind.KATAS, *others)
    weights = weights or tiny(katas, tree)
    status = tune(katas, kind, weights, source, folder, **told)
    if not status:
        where = click.format_filename(folder)
        click.echo(f"To go on: python -m {tree} chat --weights {where}")
    raise click.exceptions.Exit(status)


def begin_in(folder: Path) -> None:
    """Raise click.ClickException or OSError if a model cannot be written to a folder."""
    from runs.eight_bits import FILE
    from runs.files import try_to_write_in
    from runs.model_files import WEIGHTS

    if any((folder / name).exists() for name in (WEIGHTS, FILE)):
        told = f"{click.format_filename(folder)} holds a model already"
        raise click.ClickException(f"{told}: name another --out, or remove it.")
    try_to_write_in(folder)


def tiny(katas, tree: str) -> Path:
    """Return the folder of the tiny model, which is trained, or trained to its end, if need be."""
    from runs import metrics, pretrain, settings
    from runs.group import Group

    there = (TINY / settings.FILE).exists()
    steps = settings.kept(TINY).steps if there else 0
    if there and [record["step"] for record in metrics.noted(TINY)][-1:] == [steps]:
        click.echo(f"No --weights: {TINY}, which `pretrain` made.", err=True)
        return TINY
    click.echo(f"No --weights: `pretrain` makes {TINY} first.", err=True)
    if status := pretrain.run(katas, tree, TINY, Group(), None if there else {}):
        raise click.exceptions.Exit(status)
    return TINY
