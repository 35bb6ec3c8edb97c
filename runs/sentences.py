"""Sentences that ask, tell or demand: what a classifier learns to tell apart, made on the spot.

They end without a mark, so that it is the order of the words that tells.
"""

import random

WHO = "the old sailor,my sister,a young doctor,the children,our neighbour,the teacher,two painters"
VERBS = "find,carry,paint,follow,remember,sell,count,hide,watch,repair,borrow,describe"
WHAT = "the red boat,a letter,the garden,three stones,a lantern,the map,an apple,some bread,the key"
WHEN = "today,in the morning,before dinner,near the river,at home,after the rain,in silence,again"
FORMS = {
    "question": ("did {who} {verb} {what} {when}", "will {who} {verb} {what} {when}"),
    "statement": ("{who} will {verb} {what} {when}", "{when} {who} did {verb} {what}"),
    "command": ("{verb} {what} {when}", "please {verb} {what} for {who} {when}"),
}
EACH = 200  # sentences of each kind


def rows(seed: int) -> list[dict[str, str]]:
    """Make sentences and what kind each is, as many of each, none twice, in no order."""
    chance, made = random.Random(seed), {}
    for kind, forms in FORMS.items():
        while sum(label == kind for label in made.values()) < EACH:
            made.setdefault(sentence(chance, chance.choice(forms)), kind)
    found = [{"text": text, "label": kind} for text, kind in made.items()]
    chance.shuffle(found)
    return found


def sentence(chance: random.Random, form: str) -> str:
    """Fill a form with words."""
    lists = {"who": WHO, "verb": VERBS, "what": WHAT, "when": WHEN}
    return form.format(**{name: chance.choice(words.split(",")) for name, words in lists.items()})
