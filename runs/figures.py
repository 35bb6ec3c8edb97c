"""The verb `figures`: the pictures on the pages, drawn from the katas' own functions."""

from pathlib import Path

import click

from runs.files import try_to_write_in, write_together

OUT = click.Path(file_okay=False, path_type=Path)
KATAS = (
    "text/regex_tokenize",
    "text/build_vocab",
    "embedding/one_hot",
    "embedding/sinusoidal_encoding",
    "attention/softmax",
    "attention/masks",
    "attention/scaled_dot_product",
    "layers/layer_norm",
    "layers/batch_norm",
)


@click.command(short_help="Draw the pictures that the pages show.")
@click.option("--out", required=True, metavar="DIR", type=OUT, help="Where the pictures go.")
@click.pass_obj
def figures(tree: str, out: Path) -> None:
    """Draw, from the katas' own functions, the five pictures that the pages show.

    positions.png, masks.png, attention.png, scale.png and norms.png go to DIR.
    """
    from runs.busy import busy
    from runs.katas import prepare

    try_to_write_in(out)
    katas = prepare(tree, *KATAS)
    with busy("drawing"):
        from runs.drawings import drawings

        pictures = drawings(katas)
    write_together(out, pictures)
    click.echo(f"{', '.join(pictures)} written to {click.format_filename(out)}")
