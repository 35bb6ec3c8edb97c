"""The verb `translate`: a small encoder-decoder learns to turn words round, in about a minute."""

import click

SEQ2SEQ, ATTENTION = "transformer/seq2seq", "attention/scaled_dot_product"
UNSEEN, SHOWN = 500, 5  # words of English to be tried, and how many of them are shown


@click.command(short_help="Train an encoder-decoder on a task made on the spot.")
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--task",
    type=click.Choice(["reverse", "copy"]),
    default="reverse",
    show_default=True,
    help="What becomes of a word.",
)
@click.option("--steps", type=click.IntRange(min=1), default=1200, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.pass_obj
def translate(tree: str, words: tuple[str, ...], task: str, steps: int, seed: int) -> None:
    """Train a small encoder-decoder to reverse words or to copy them, and try it.

    It learns from random letters, and is tried on 500 words of English that it has never seen, then
    on each WORD. A map shows which letters it looked at as it wrote the last of them.
    """
    from runs.words import LETTERS, LONGEST, english, random

    for word in words:
        if not 0 < len(word) <= LONGEST or set(word) - set(LETTERS):
            told = f"A WORD is 1 to {LONGEST} letters from a to z, got {word!r}."
            raise click.UsageError(told)
    from runs.katas import prepare
    from runs.translating import new_model, train, written

    katas = prepare(tree, SEQ2SEQ, ATTENTION)
    unseen = english(UNSEEN, random(seed))
    model = new_model(katas.load(SEQ2SEQ).Seq2Seq, seed)
    loss = train(model, task, steps, seed, frozenset(unseen).union(words))
    tried = list(words) or unseen[:SHOWN]
    summarise(task, loss, unseen, written(model, unseen, task))
    list_words(task, tried, written(model, tried, task))
    show_map(katas.load(ATTENTION).scaled_dot_product, model, tried[-1], task)


def summarise(task: str, loss: float, unseen: list[str], written: list[str]) -> None:
    """Print how well the task was learned."""
    from runs.words import TASKS

    right = sum(TASKS[task](word) == done for word, done in zip(unseen, written, strict=True))
    share = f"{right} of {len(unseen)}, {right / len(unseen):.1%}"
    click.echo(f"loss             {loss:.4f} at the end, on random letters")
    click.echo(f"unseen words     {share} exact\n")


def list_words(task: str, tried: list[str], written: list[str]) -> None:
    """Print words, what was made of them, and what should have been."""
    from runs.words import LONGEST, TASKS

    click.echo(f"{'source':<{LONGEST}}  written")
    for word, done in zip(tried, written, strict=True):
        right = TASKS[task](word)
        click.echo(f"{word:<{LONGEST}}  {done}" + ("" if done == right else f"  (not {right})"))


def show_map(scaled_dot_product, model, word: str, task: str) -> None:
    """Draw where the last layer's sharpest head looked in the source as it wrote each letter."""
    from runs.attention_map import cross_weights, drawn, sharpest
    from runs.translating import HEADS
    from runs.words import batch, read

    given = batch([word], task)
    weights = cross_weights(model, scaled_dot_product, HEADS, given)
    if weights is None:
        click.echo("\nNo map: the model does not call its cross-attention as a module.", err=True)
        return
    head = sharpest(weights)
    click.echo(f"\nCross-attention, last layer, head {head + 1} of {HEADS}: a row for each letter")
    click.echo("written, a column for each letter read. Darker is more.\n")
    right = read(given.target[0, :-1].tolist())
    click.echo("\n".join(drawn(weights[head], right, word)))
