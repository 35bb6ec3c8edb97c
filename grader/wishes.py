"""What a watcher may ask for by pressing a key."""

from multiprocessing.connection import wait

import click

from grader import show
from grader.arguments import open_after
from grader.kept import next_hint, put_stub_back
from grader.syllabus import syllabus
from grader.verdicts import known

LEGEND = {
    "n": "next",
    "h": "hint",
    "l": "list",
    "o": "open",
    "x": "reset",
    "r": "run",
    "q": "quit",
}


class Wishes:
    """Answers the keys of a watch."""

    def __init__(self, watch):
        self.watch = watch

    def legend(self) -> None:
        """Print which keys there are, if there are any."""
        if self.watch.keys.waits_for():
            show.say("\n  " + "   ".join(f"{key} {word}" for key, word in LEGEND.items()), dim=True)

    def answer(self, key: str) -> bool:
        """Do what a key stands for. False if that is to leave."""
        wish = LEGEND.get(key.lower())
        if wish and wish != "quit":
            getattr(self, wish)()
        return wish != "quit"

    def next(self) -> None:
        """Go on to the next kata that is not solved, after this one if there is one."""
        self.watch.test(open_after(self.watch.this) or self.watch.this)

    def hint(self) -> None:
        this, read = self.watch.this, next_hint(self.watch.this)
        self.watch.screen.add(lambda: show.hints(this, *read))

    def list(self) -> None:
        verdicts = {k.slug: known(k) for k in syllabus()}
        self.watch.key = ""  # whatever is saved next takes its place
        self.watch.screen.paint(
            lambda: show.table(verdicts), lambda: show.totals(verdicts), self.legend
        )

    def open(self) -> None:
        """Open the exercise in the learner's editor."""
        with self.watch.keys.lent():
            try:
                click.edit(filename=str(self.watch.this.exercise))
                self.watch.screen.resized()
            except click.ClickException as error:
                self.watch.screen.note(f"  {error.message} EDITOR names one.")

    def reset(self) -> None:
        """Put the stub back, if that is what is meant."""
        this, screen = self.watch.this, self.watch.screen
        screen.note(f"  Put the stub of {this.name} back? What you wrote is kept. y or n")
        wait(self.watch.keys.waits_for())
        if self.watch.keys.read().lower() != "y":
            return screen.note("  Nothing was changed.")
        saved = put_stub_back(this)
        return screen.note(
            f"  What stood there is kept in {saved}" if saved else "  It was the stub."
        )

    def run(self) -> None:
        self.watch.test(self.watch.this, again=True)
