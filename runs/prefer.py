"""The verb `prefer`: a tuned model learns which answers are the better ones."""

from pathlib import Path

import click

from runs import texts
from runs.finetune import KATAS, begin_in
from runs.generate import FOLDER
from runs.needs import katas_of
from runs.pretrain import COUNT, OUT, RATE, SEED


@click.command(short_help="Teach a tuned GPT which answers are preferred.")
@click.option(
    "--weights", required=True, type=FOLDER, metavar="DIR", help="A tuned model's folder."
)
@click.option("--data", type=texts.FILE, metavar="FILE", help="Rows.  [default: data.json of DIR]")
@click.option("--steps", type=COUNT, help="How many steps.  [default: three times all rows]")
@click.option("--batch", type=COUNT, default=16, show_default=True, help="Rows read at once.")
@click.option("--lr", type=RATE, help="The highest learning rate.  [default: by width]")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--out", type=OUT, default="gpt-preferred", show_default=True, metavar="DIR")
@click.pass_obj
def prefer(tree: str, weights: Path, data: Path | None, out: Path, **told) -> None:
    """Teach a model by direct preference optimisation (DPO) that one answer is better than another.

    The better one is a row's "output"; the worse one is its "rejected", or where there is none,
    the output of another row of the same "task".
    """
    begin_in(out)
    from runs import preferring
    from runs.katas import prepare
    from runs.tuned import DATA, source_of, tune

    rows = data or weights / DATA
    if not rows.exists():
        told = f"{click.format_filename(weights)} holds no {DATA}: name rows with --data."
        raise click.UsageError(told)
    source = source_of(preferring, rows, out, told["seed"])
    katas = prepare(tree, *KATAS, *katas_of(weights), *preferring.KATAS)
    raise click.exceptions.Exit(tune(katas, preferring, weights, source, out, **told))
