"""The verb `generate`: a model writes on."""

import sys
from pathlib import Path

import click

from runs import texts
from runs.needs import katas_of

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
KATAS = ("gpt/generate", "gpt/sampling", "text/bpe_tokenizer", "text/utf8_bytes")
CACHE, SPECULATIVE = "scaling/kv_cache", "scaling/speculative_decoding"
UNCACHED = "Read everything again for each token: slower, to compare."


def sampling_options(temperature: float):
    """Give a verb the options by which tokens are drawn, and whether what was read is kept."""
    share, count = click.FloatRange(0, 1), click.IntRange(min=1)
    options = (
        click.option(
            "--temperature",
            type=click.FloatRange(min=0),
            default=temperature,
            show_default=True,
        ),
        click.option("--top-k", type=count, help="Draw from the k likeliest tokens."),
        click.option("--top-p", type=share, help="Draw from those that make up p."),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True),
        click.option("--no-cache", "cache", flag_value=False, default=True, help=UNCACHED),
    )

    def give(verb):
        for option in reversed(options):
            verb = option(verb)
        return verb

    return give


@click.command(short_help="Let a trained GPT write on.")
@click.option("--weights", required=True, type=FOLDER, metavar="DIR", help="A model's folder.")
@click.option("--prompt", default="", type=texts.Argument(), help="What it goes on from.")
@click.option("--tokens", type=click.IntRange(min=0), default=200, show_default=True)
@click.option(
    "--draft", type=FOLDER, metavar="DIR", help="A smaller model that guesses ahead for it."
)
@click.option("--fused", is_flag=True, help="The same model by torch's fused operators: faster.")
@sampling_options(temperature=0.8)
@click.pass_obj
def generate(
    tree: str, weights: Path, prompt: str, tokens: int, draft: Path | None, **rules
) -> None:
    """Write on from a prompt, as a model that `pretrain` wrote would, or GPT-2 as it was published.

    DIR holds config.json, model.safetensors, vocab.json and merges.txt. Temperature 0 takes the
    likeliest token each time.
    """
    if rules["fused"] and not rules["cache"]:
        raise click.UsageError("--fused keeps what it has read: leave it out, or --no-cache.")
    from runs.busy import busy
    from runs.katas import prepare

    models = (weights, draft) if draft else (weights,)
    more = [*([CACHE] if rules["cache"] else []), *([SPECULATIVE] if draft else [])]
    katas = prepare(tree, *KATAS, *katas_of(*models), *more)
    with busy("loading"):
        from runs.writer import Writer

        writer = Writer(katas, weights, draft, **rules)
    out = click.get_binary_stream("stdout")
    out.write(prompt.encode())
    text = prompt
    for text in writer.write(prompt, tokens):
        out.write(text.encode())
        out.flush()
    if sys.stdout.isatty() and not text.endswith("\n"):
        out.write(b"\n")
    if draft:
        click.echo(writer.drafted(), err=True)
