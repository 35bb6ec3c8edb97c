"""Says in a sentence, and shows in a few lines, where two values differ."""

from grader.accused import bare
from grader.brief import brief

Found = tuple[str, tuple[str, ...]]


def difference(returned, expected, rtol: float, atol: float) -> Found | None:
    """Return what is wrong with a value, and lines that show it; None if nothing is."""
    returned = bare(returned)
    if returned is None:
        return "returned nothing (None): is a `return` missing?", ()
    if hasattr(expected, "numpy"):
        from tests.tensor_differences import tensor_difference

        return tensor_difference(returned, expected, rtol, atol)
    if not same_type(returned, expected):
        told = f"returned {a(type(returned))}, not {a(type(expected))}"
        return told, side_by_side(returned, expected)
    if hasattr(returned, "numpy"):
        return f"returned a tensor, not {a(type(expected))}", ()
    if returned == expected and same_items(returned, expected):
        return None
    for kind, tell in ((dict, of_dicts), ((list, tuple), of_lists), ((str, bytes), of_texts)):
        if isinstance(expected, kind):
            return tell(returned, expected)
    return "returned the wrong value", side_by_side(returned, expected)


def a(kind: type) -> str:
    """Name a type with its article."""
    return f"{'an' if kind.__name__[0] in 'aeiouAEIO' else 'a'} {kind.__name__}"


def same_type(a, b) -> bool:
    """Say whether two values are of one kind: a Counter is a dict, but a bool is no int."""
    if isinstance(a, bool) or isinstance(b, bool):
        return type(a) is type(b)
    return isinstance(a, type(b)) or isinstance(b, type(a))


def same_items(a, b) -> bool:
    """Say whether equal values also have entries of equal types: 1.0 is not 1, nor is True."""
    if isinstance(b, list | tuple):
        return all(same_type(x, y) and same_items(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(b, dict):
        return all(same_type(a[key], b[key]) for key in b)
    return True


def side_by_side(returned, expected) -> tuple[str, ...]:
    return f"    returned  {brief(returned)}", f"    expected  {brief(expected)}"


def of_lists(returned, expected) -> Found:
    """Name the pattern of a wrong list if it has one, else its first wrong item."""
    kind = "list" if isinstance(expected, list) else "tuple"
    pairs = list(zip(returned, expected, strict=False))
    at = next((i for i, (a, b) in enumerate(pairs) if a != b or not same_type(a, b)), len(pairs))
    told = f"returned the wrong {kind}: {pattern(list(returned), list(expected), at)}"
    return told, side_by_side(window(returned, at), window(expected, at))


def pattern(returned: list, expected: list, at: int) -> str:
    r, e = len(returned), len(expected)
    if at == e < r:
        return f"{r - e} too many at the end"
    if at == r < e:
        return f"the last {items(e - r)} missing"
    if r < e and r and returned == expected[-r:]:
        return f"the first {items(e - r)} missing"
    if r == e and returned == expected[::-1]:
        return "the right items, in reverse"
    if r == e and sorted(map(repr, returned)) == sorted(map(repr, expected)):
        return "the right items, in another order"
    if r == e and all(type(x) is int for x in returned + expected):
        steps = {a - b for a, b in zip(returned, expected, strict=True)}
        if len(steps) == 1 and e > 1:
            size = "large" if returned > expected else "small"
            return f"every item is {abs(steps.pop())} too {size}"
    lengths = "" if r == e else f"; {r} {'item' if r == 1 else 'items'}, not {e}"
    return f"item {at} differs{lengths}"


def items(count: int) -> str:
    return "item is" if count == 1 else f"{count} items are"


def window(items, at: int):
    """Keep what can be read of a long list: the items around the first wrong one."""
    if len(brief(items)) < 60 and "more" not in brief(items):
        return items
    start = max(at - 2, 0)
    return Cut(items[start : at + 5], start, len(items) - at - 5)


class Cut:
    """A piece of a list, written with what was left out on either side."""

    def __init__(self, items, before: int, after: int):
        self.items, self.before, self.after = items, before, after

    def __repr__(self) -> str:
        head = f"… {self.before} before, " if self.before else ""
        tail = f", … {self.after} more" if self.after > 0 else ""
        return f"[{head}{', '.join(brief(i, 16) for i in self.items)}{tail}]"


def of_dicts(returned, expected) -> Found:
    """Name what is missing, else what is too much, else a wrong entry, else the order."""
    for told, some, others in (
        ("lacks", expected, returned),
        ("holds, and should not,", returned, expected),
    ):
        extra = [key for key in some if key not in others]
        if extra:
            return f"returned a dict that {told} {brief(extra[0])}", side_by_side(
                returned, expected
            )
    wrong = [
        k for k in expected if returned[k] != expected[k] or not same_type(returned[k], expected[k])
    ]
    key = wrong[0]
    told = f"returned the wrong dict: {len(wrong)} of {len(expected)} entries differ"
    mine, right = (
        f"{brief(key, 24)}: {brief(returned[key])}",
        f"{brief(key, 24)}: {brief(expected[key])}",
    )
    return told, (f"    returned  {mine}", f"    expected  {right}")


def of_texts(returned, expected) -> Found:
    """Point at the first character that differs."""
    kind = "text" if isinstance(expected, str) else "bytes"
    pairs = enumerate(zip(returned, expected, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(returned), len(expected)))
    start = max(at - 20, 0)
    mine, right = returned[start : at + 30], expected[start : at + 30]
    caret = " " * (13 + len(repr(expected[start:at])) - 2 + (kind == "bytes")) + "^"
    return f"returned the wrong {kind}: it differs at {at}", (*side_by_side(mine, right), caret)
