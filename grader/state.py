"""The whole state, for programs: every kata, its clauses, and what is next."""

import json
from dataclasses import asdict

from grader.syllabus import Kata, syllabus
from grader.verdicts import Verdict


def upcoming(verdicts: dict[str, Verdict]) -> Kata | None:
    """Return the first kata that is not solved."""
    return next((k for k in syllabus() if verdicts[k.slug].state != "solved"), None)


def as_json(verdicts: dict[str, Verdict]) -> str:
    """Write the whole state: every kata, its clauses, and the message of each failure."""
    katas = [
        {
            "slug": this.slug,
            "title": this.title,
            "page": f"spec/{this.slug}.md",
            "file": f"exercises/{this.slug}.py",
            **asdict(verdicts[this.slug]),
        }
        for this in syllabus()
        if this.slug in verdicts
    ]
    solved = sum(k["state"] == "solved" for k in katas)
    whole = len(verdicts) == len(syllabus())
    following = upcoming(verdicts) if whole else None
    state = {"version": 1, "solved": solved, "total": len(katas), "katas": katas}
    return json.dumps(state | {"next": following.slug if following else None}, ensure_ascii=True)
