"""`kata watch`: on every save, the verdict of the kata that was saved."""

import os
import signal
import sys
import time
from multiprocessing.connection import wait

from grader import show
from grader.arguments import open_after
from grader.checkout import damage, damaged, shared_damage
from grader.grading import Damaged, borrowed
from grader.keys import Keys
from grader.saved import Saves, judging
from grader.screen import Screen
from grader.standing import Stand
from grader.syllabus import Kata, syllabus
from grader.verdicts import Verdict, fingerprint, judge, known, remember
from grader.wishes import Wishes

READY = 3  # katas that stand ready at once
SOON = 0.4  # seconds after which it is said that a verdict is on its way
SETTLED = 0.1  # seconds in which an editor puts back what it took away


class Watch:
    """The kata that is watched, and the children that judge it."""

    def __init__(self, this: Kata, plain: bool, poll: bool):
        self.this, self.screen = this, Screen(plain)
        self.saves, self.keys = Saves(poll), Keys(self.screen.again)
        self.wishes, self.stands = Wishes(self), {}
        self.broken, self.key, self.announced, self.lent = damage(), "", False, []

    def run(self) -> None:
        """Watch until somebody presses q."""
        if told := shared_damage(self.broken):
            raise Damaged(told)
        if hasattr(signal, "SIGWINCH"):
            signal.signal(signal.SIGWINCH, lambda *_: self.screen.resized())
        try:
            with self.keys:
                self.test(self.this)
                while self.step():
                    pass
        finally:
            self.saves.close()
            for stand in self.stands.values():
                stand.close()

    def step(self) -> bool:
        """Wait until something happens, and answer it. False at the end."""
        stand = self.stand(self.this)
        ready = wait(
            [*self.saves.waits_for(), *self.keys.waits_for(), *stand.waits_for()],
            self.patience(stand),
        )
        if not ready and stand.busy and not self.announced:
            self.announced = True
            self.screen.announce(f"  testing {self.this.name}")
        if ended := stand.hear(ready):
            self.tell(*ended)
        if self.saves.heard in ready:
            self.saved(self.saves.read())
        return self.keys.source not in ready or self.wishes.answer(self.keys.read())

    def patience(self, stand: Stand) -> float | None:
        """Return for how many seconds nothing may happen before something is to be said or done."""
        if not stand.busy:
            return None
        return stand.patience() if self.announced else SOON

    def stand(self, this: Kata) -> Stand:
        """Return what judges a kata, made ready if it is not. A few are kept, the latest ones."""
        stand = self.stands.pop(this, None)
        self.stands[this] = stand if stand and stand.usable() else Stand(this)
        while len(self.stands) > READY:
            self.stands.pop(next(iter(self.stands))).close()
        return self.stands[this]

    def saved(self, paths: set) -> None:
        """Test the kata that was saved, if it says anything new; of several, the one watched."""
        if judging(paths):
            self.restart()
        katas = [k for k in syllabus() if k.exercise in paths]
        this = self.this if self.this in katas else next(iter(katas), None)
        if this and (this != self.this or fingerprint(this) != self.key):
            self.test(this)

    def test(self, this: Kata, again: bool = False) -> None:
        """Have a kata judged, unless it is known what would come of it."""
        self.stand(self.this).cancel()
        self.this = this
        stand = self.stand(this)
        settle(this)
        self.key, self.announced = fingerprint(this), False
        self.lent = borrowed(this, lean=False)
        verdict = known(this)
        if told := damaged(this, self.broken):
            verdict = Verdict(this.slug, "damaged", told)
        if verdict.state not in ("untested", "stopped") and not (again and verdict.clauses):
            return self.show(verdict)
        return stand.judge({k.slug for k in this.imports()} - {k.slug for k in self.lent})

    def tell(self, findings: list, stopped: str) -> None:
        """Show what the tests found, and keep it, if that is still what stands in the file."""
        verdict = judge(self.this, findings, stopped)
        if fingerprint(self.this) == self.key:
            remember(self.this, verdict, self.key)
            self.show(verdict)

    def show(self, verdict: Verdict) -> None:
        """Paint a verdict, and what may be done now. What comes next is made ready."""
        this, lent = self.this, self.lent
        solved = verdict.state == "solved"
        following = open_after(this) if solved else None
        self.screen.paint(
            lambda: show.one(verdict, this, lent),
            lambda: show.opened(this, following) if solved else None,
            self.wishes.legend,
        )
        if following:
            self.stand(following)
            self.stand(this)

    def restart(self) -> None:
        """Begin anew, with the grader and the tests as they are now."""
        self.keys.__exit__()
        for stand in self.stands.values():
            stand.close()
        options = [*(["--plain"] * self.screen.plain), *(["--poll"] * self.saves.poll)]
        command = ["-m", "grader", "watch", self.this.slug, *options]
        os.execv(sys.executable, [sys.executable, *command])


def settle(this: Kata) -> None:
    """Wait a moment if the file is away or empty: the editor may be in the middle of saving it."""
    if not this.exercise.is_file() or not this.exercise.stat().st_size:
        time.sleep(SETTLED)
