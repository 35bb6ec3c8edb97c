"""`python -m benchmarks`: every comparison in one interleaved run, as a table and as JSON."""

import json
import os
import platform
from pathlib import Path

import click

from benchmarks.tables import installed, show

PEERS = ("tiktoken", "tokenizers", "rustbpe", "torch", "transformers")
PARTS = ("text", "layers", "gpt", "scaling", "watch", "looks")


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", default=5, show_default=True, help="How often each program runs.")
@click.option("--size", default=5_000_000, show_default=True, help="Characters of English.")
@click.option("--stream", default=100, show_default=True, help="Megabytes of the stream.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too."
)
def main(parts: tuple[str, ...], rounds: int, size: int, stream: int, file: Path | None) -> None:
    """Measure the reference, or the grader, beside its peers, which the extra `benchmarks` brings.

    Unless some parts are named, all are measured.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    click.echo(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    click.echo(f"peers: {', '.join(map(installed, PEERS))}")
    click.echo(f"{rounds} rounds, CPU seconds, median ratio and the span of all rounds")
    measures = {
        "text": lambda: of_text(rounds, size, stream),
        "layers": lambda: of_layers(rounds),
        "gpt": lambda: of_gpt(rounds),
        "scaling": lambda: of_scaling(rounds),
        "watch": lambda: of_watching(rounds),
        "looks": of_looks,
    }
    found = {}
    for part in parts or PARTS:
        found |= measures[part]()
    if file:
        file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def of_text(rounds: int, size: int, stream: int) -> dict:
    """Train and encode a text, and encode a stream."""
    from benchmarks.corpus import english
    from benchmarks.streaming import peak_of_stream
    from benchmarks.tokenizing import encoding, training

    text = english(size)
    click.echo(f"text: {len(text):,} characters of documentation")
    trained = training(text, 5_000, rounds)
    show("train_bpe, vocabulary 5,000; ratios to the reference", trained)
    encoded, same = encoding(text, rounds)
    show("encode with GPT-2's vocabulary; ratios to tiktoken", encoded)
    click.echo(f"the very ids of tiktoken: {'; '.join(same)}")
    streamed = peak_of_stream(text, stream)
    took = f"{streamed['peak']:.1f} MiB at its peak, words remembered included"
    click.echo(f"\nencode_stream, {stream} MB: {took}")
    found = {"training": trained, "encoding": encoded}
    return found | {"same ids as tiktoken": same, "stream": streamed}


def of_layers(rounds: int) -> dict:
    """Run layers forward and backward, beside torch's own."""
    import torch

    from benchmarks import layers

    torch.set_num_threads(1)  # several wait for each other, and waiting is counted, too
    torch.manual_seed(0)
    found = {
        "multi-head attention, 8 x 256 x 384": layers.multi_head(256, 8, 2 * rounds),
        "one head, 256 x 64": layers.attention_alone(256, 20 * rounds),
        "one head, 4,096 x 64": layers.attention_alone(4096, rounds),
        "layer norm, 8 x 256 x 384": layers.norm(8 * rounds),
        "GELU, 8 x 256 x 1,536": layers.activation(4 * rounds),
        "encoder of 4 layers, 4 x 256 x 384": layers.encoder(rounds),
    }
    for title, rows in found.items():
        show(f"{title}, forward and backward; ratios to torch's", rows)
    kept = layers.kept_for_backward(4096)
    for program, size in kept.items():
        click.echo(f"  {program:<18}{size:8,.1f} MiB kept for the way back, at 4,096")
    return found | {"kept": kept}


def of_gpt(rounds: int) -> dict:
    """Train, write with and load a GPT, beside that of `transformers`."""
    import torch

    from benchmarks import alone, gpt, writing

    torch.set_num_threads(1)
    found = {}
    for vocab in (512, 50_257):
        parts = {
            "a step on 8 windows": lambda vocab=vocab: gpt.training(vocab, rounds),
            "200 tokens": lambda vocab=vocab: writing.writing(vocab, rounds),
            "loading": lambda vocab=vocab: alone.loading(vocab, rounds),
        }
        for what, measure in parts.items():
            title = f"{what}; 6 layers, 384 wide, context 256, vocabulary {vocab:,}"
            found[title] = measure()
            base = "transformers' with its cache" if "200" in what else "transformers"
            show(f"{title}; ratios to {base}", found[title])
    return found


def of_scaling(rounds: int) -> dict:
    """Attend block by block, and use weights of a byte each."""
    import torch

    from benchmarks import scaling

    torch.set_num_threads(1)
    found = {}
    for T in (256, 1024, 4096):
        for backward in (False, True):
            way = "forward and backward" if backward else "forward"
            title = f"attention, 6 heads, {T:,} x 64, {way}"
            found[title] = scaling.attention(T, backward, max(rounds, 10_000 // T))
            show(f"{title}; ratios to the one written out", found[title])
    title = "a tiny GPT, 100 tokens"
    found[title] = scaling.eight_bits(rounds)
    show(f"{title}; ratios to float32", found[title])
    return found


def of_watching(rounds: int) -> dict:
    """Save each kata, right and wrong, and wait for its verdict."""
    from benchmarks.watching import measured

    return {"watch": measured(rounds)}


def of_looks() -> dict:
    """Ask what failures look like: of every mistake, of right solutions, of mutants."""
    from benchmarks.looks import diagnosed

    return {"looks": diagnosed()}


if __name__ == "__main__":
    main()
