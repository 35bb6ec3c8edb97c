"""The verb `pretrain`: a GPT learns to continue text."""

from pathlib import Path

import click

from runs import texts
from runs.needs import MODERN
from runs.sizes import SIZES

OUT = click.Path(file_okay=False, path_type=Path)
COUNT = click.IntRange(min=1)
RATE = click.FloatRange(min=0, min_open=True)
SEED = click.IntRange(0, 2**63 - 1)
KATAS = (
    "data/get_batch",
    "gpt/generate",
    "gpt/gpt_config",
    "gpt/gpt_model",
    "gpt/load_gpt2",
    "gpt/sampling",
    "pretraining/adamw",
    "pretraining/checkpoint",
    "pretraining/cosine_schedule",
    "pretraining/param_groups",
    "pretraining/perplexity",
    "pretraining/training_loop",
    "scaling/kv_cache",
    "text/bpe_tokenizer",
    "text/encode_stream",
    "text/train_bpe",
    "text/utf8_bytes",
)


@click.command(short_help="Train a GPT to continue text.")
@click.option(
    "--text", multiple=True, type=texts.FILE, metavar="FILE", help="What to learn; repeatable."
)
@click.option(
    "--tokenizer", metavar="NAME", help="1024 tokens of its own, gpt2, bytes, or a folder."
)
@click.option("--size", type=click.Choice([*SIZES]), help="How large a model.  [default: tiny]")
@click.option("--steps", type=COUNT, help="How many steps.  [default: by size]")
@click.option("--batch", type=COUNT, help="Windows read at once.  [default: by size]")
@click.option("--accumulate", type=COUNT, help="Batches that make a step.  [default: 1]")
@click.option("--lr", type=RATE, help="The highest learning rate.  [default: by size]")
@click.option("--seed", type=SEED, help="Where all randomness begins.  [default: 0]")
@click.option("--fused", is_flag=True, help="The same model by torch's fused operators: faster.")
@click.option("--compile", is_flag=True, help="Let torch.compile have it as well.")
@click.option("--modern", is_flag=True, help="Rotary positions, RMS norm, SwiGLU, grouped queries.")
@click.option("--out", type=OUT, metavar="DIR", help="Where it all goes.  [default: gpt-tiny]")
@click.option("--resume", is_flag=True, help="Go on with the run in DIR, as it was told.")
@click.pass_obj
def pretrain(tree: str, out: Path | None, resume: bool, **told) -> None:
    """Train a GPT to continue text: by default a tiny one, on the text that comes with Python.

    DIR gets weights and vocabulary, laid out as those of GPT-2, a checkpoint, metrics.jsonl and the
    curve of the loss. Ctrl-C saves, and --resume goes on as if nothing had been.

    With --modern it is the model that came after GPT-2, with as many weights, in Llama's layout.
    A run of the other kind that stands beside it, told the same, is compared with it.

    A GPU is used if there is one. Several processes or machines:
    torchrun --nproc-per-node 2 -m reference pretrain ...
    """
    told = {name: value for name, value in told.items() if value}
    if resume and told:
        raise click.UsageError("--resume goes on as the run was told: beside it stands only --out.")
    if told.get("modern") and told.get("fused"):
        raise click.UsageError("--fused is for the plain GPT: leave it out, or --modern.")
    name = f"gpt-{told.get('size', 'tiny')}{'-modern' if told.get('modern') else ''}"
    folder = out or Path(name)

    from runs.files import try_to_write_in
    from runs.group import Group
    from runs.katas import prepare
    from runs.settings import kept, refuse_second

    if not resume:
        refuse_second(folder)
    try_to_write_in(folder)
    group = Group()
    modern = told.get("modern") or (resume and kept(folder).modern)
    katas = prepare(tree, *KATAS, *(MODERN if modern else ()))
    status = run(katas, tree, folder, group, None if resume else told)
    group.leave()
    raise click.exceptions.Exit(status)


def run(katas, tree: str, folder: Path, group, told: dict | None) -> int:
    """Begin a run, or go on with the one in the folder, and return the exit status.

    It is 0 at the end of the run, and 128 and the number of the signal that stopped it.
    """
    from runs.beginning import begin, training_in
    from runs.pretraining import pretrain as go
    from runs.progress import training
    from runs.report import report
    from runs.stopping import stoppable

    if told is not None and group.writes:
        begin(katas, folder, group.size, told)
    group.wait()
    this = training_in(katas, folder, group)
    if told is None:
        this.resume()
    progress = training(this.settings.steps, this.made, group.writes)
    with progress as teller, stoppable(teller.say) as stop:
        finished = go(this, stop, teller)
    if finished:
        if group.writes:
            report(this, tree)
        return 0
    if group.writes:
        again = f"python -m {tree} pretrain --resume --out {click.format_filename(folder)}"
        click.echo(f"Stopped after step {this.made:,}, and saved. To go on:\n  {again}", err=True)
    return 128 + (stop.asked or 2)
