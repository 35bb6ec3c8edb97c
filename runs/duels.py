"""Two responses to the same prompt, of which one is the better."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from grader.trees import Tree
from runs.examples import Example, encoded
from runs.model_files import Loaded
from runs.rows import Row


class Duel(NamedTuple):
    """A response that is preferred, and one to the same prompt that is not."""

    chosen: Example
    rejected: Example


def duels_of(katas: Tree, name: str, part: Sequence[Example], loaded: Loaded) -> list[Duel]:
    """Set a worse response against each: the one that its row rejects, or that of another row.

    Raises click.ClickException, naming the row, if there is none.
    """
    duels = []
    for i, chosen in enumerate(part):
        others = [*part[i + 1 :], *part[:i]]
        worse = chosen.fields.get("rejected", "") or other_output(name, chosen, others)
        if worse == chosen.fields["output"]:
            told = f"{name}, {chosen.place}: 'rejected' is the same as 'output'"
            raise click.ClickException(f"{told}. Put it right, or leave the row out.")
        fields = {**chosen.fields, "output": worse}
        rejected = encoded(katas, name, Row(chosen.place, fields), loaded)
        duels.append(Duel(chosen, rejected))
    return duels


def other_output(name: str, chosen: Example, others: Sequence[Example]) -> str:
    """Return another output, of the same task if there is one. Raises click.ClickException."""
    own, task = chosen.fields["output"], chosen.fields.get("task")
    different = [other for other in others if other.fields["output"] != own]
    if not different:
        told = f"{name}, {chosen.place}: no other row has another output to prefer this one to"
        raise click.ClickException(f"{told}. Add rows, or a field 'rejected'.")
    same_task = (other for other in different if other.fields.get("task") == task)
    return next(same_task, different[0]).fields["output"]
