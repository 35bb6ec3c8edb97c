"""The verbs that look after the checkout."""

import click

from grader.arguments import Slug
from grader.syllabus import Kata, syllabus


@click.command()
@click.argument("slugs", type=Slug(), nargs=-1)
@click.option("--write", is_flag=True, help="Write stubs, messages and the manifest anew first.")
@click.option("--seed", type=int, help="Judge the reference on other examples than everyone's.")
def verify(slugs: tuple[Kata, ...], write: bool, seed: int | None) -> int:
    """For maintainers: prove the reference, the mistakes and the house."""
    from grader.verify import prove

    return prove([this for this in syllabus() if this in slugs] or syllabus(), write, seed)


@click.command()
def doctor() -> int:
    """Check versions, encoding, disk, vocabulary, and whether the checkout is whole."""
    from grader.doctor import examine

    return examine()
