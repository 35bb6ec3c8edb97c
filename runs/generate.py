"""The verb `generate`: a model writes on."""

import sys
from pathlib import Path

import click

from runs import texts

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
KATAS = (
    "gpt/generate",
    "gpt/gpt_config",
    "gpt/gpt_model",
    "gpt/load_gpt2",
    "gpt/sampling",
    "text/bpe_tokenizer",
    "text/utf8_bytes",
)


def sampling_options(temperature: float):
    """Give a verb the options by which tokens are drawn."""
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
@sampling_options(temperature=0.8)
@click.pass_obj
def generate(tree: str, weights: Path, prompt: str, tokens: int, seed: int, **rules) -> None:
    """Write on from a prompt, as a model that `pretrain` wrote would, or GPT-2 as it was published.

    DIR holds config.json, model.safetensors, vocab.json and merges.txt. Temperature 0 takes the
    likeliest token each time.
    """
    from runs.busy import busy
    from runs.katas import prepare

    katas = prepare(tree, *KATAS)
    with busy("loading"):
        from runs.model_files import read_model
        from runs.vocabulary import end_of_text
        from runs.writing import as_text, continuation, picker

        model, config, vocabulary, tokenizer = read_model(katas, weights)
    eos = end_of_text(vocabulary)
    ids = tokenizer.encode(prompt) or [eos or 0]
    pick = picker(katas, seed, **rules)
    new = continuation(katas, model, ids, tokens, config.context, pick, eos)
    out = click.get_binary_stream("stdout")
    out.write(prompt.encode())
    text = prompt
    for text in as_text(new, vocabulary.vocab):
        out.write(text.encode())
        out.flush()
    if sys.stdout.isatty() and not text.endswith("\n"):
        out.write(b"\n")
