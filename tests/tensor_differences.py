"""Says where two tensors differ, in words about indices and, if they are small, a picture."""

import torch

from grader.brief import brief
from tests.differences import a

LARGEST_PICTURE = 8


def tensor_difference(returned, expected: torch.Tensor, rtol: float, atol: float):
    """Return a sentence and lines about a wrong tensor; None if it is right."""
    if not isinstance(returned, torch.Tensor):
        return f"returned {a(type(returned))}, not a tensor", ()
    if returned.shape != expected.shape:
        told = f"returned shape {tuple(returned.shape)}, not {tuple(expected.shape)}"
        swapped = returned.dim() > 1 and returned.mT.shape == expected.shape
        return told + (": the last two axes are swapped" if swapped else ""), ()
    if returned.dtype != expected.dtype:
        return f"returned dtype {name(returned.dtype)}, not {name(expected.dtype)}", ()
    same = (
        torch.isclose(returned, expected, rtol, atol, equal_nan=False)
        if atol
        else returned == expected
    )
    if bool(same.all()):
        return None
    wrong = ~same
    count, total = int(wrong.sum()), wrong.numel()
    told = f"returned the wrong values: {count} of {total} {'differs' if count == 1 else 'differ'}"
    where = where_wrong(returned, expected, wrong)
    return told + (f": {where}" if where else ""), shown(returned, expected, wrong)


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def where_wrong(returned, expected, wrong) -> str:
    """Describe the wrong entries in a few words, where a pattern is plain."""
    if returned.is_floating_point() and bool(returned.isnan().any()):
        return f"{int(returned.isnan().sum())} are nan"
    steps = (returned - expected).flatten()
    if steps.numel() > 2 and bool((steps == steps[0]).all()):
        return f"each is {brief(abs(steps[0].item()))} too {'large' if steps[0] > 0 else 'small'}"
    if torch.equal(returned, -expected):
        return "the sign is the other one"
    if (
        returned.dim() == 2
        and returned.shape[0] == returned.shape[1]
        and torch.equal(returned, expected.T)
    ):
        return "rows and columns are swapped"
    if returned.dim() == 2 and min(returned.shape) >= 3:
        for axis, what in ((1, "row"), (0, "column")):
            lines = wrong.any(axis).nonzero().flatten().tolist()
            if len(lines) == 1 and bool(wrong.select(1 - axis, lines[0]).all()):
                return f"exactly {what} {lines[0]}"
    return ""


def shown(returned, expected, wrong) -> tuple[str, ...]:
    """Draw small integer matrices side by side, and of anything else the first wrong entry."""
    small = (
        expected.dim() == 2 and max(expected.shape) <= LARGEST_PICTURE and min(expected.shape) > 0
    )
    if small and not expected.is_floating_point():
        return picture(returned, expected, wrong)
    index = tuple(wrong.nonzero()[0].tolist())
    place = ", ".join(map(str, index))
    mine, right = brief(returned[index].item()), brief(expected[index].item())
    return f"    returned[{place}] is {mine}", f"    expected    {right}"


def picture(returned, expected, wrong) -> tuple[str, ...]:
    cells = [
        [f"[{r}]" if w else f" {r} " for r, w in zip(*rows, strict=True)]
        for rows in zip(returned.tolist(), wrong.tolist(), strict=True)
    ]
    right = [[f" {e} " for e in row] for row in expected.tolist()]
    width = max(len(cell) for row in cells + right for cell in row)
    lines = [
        "    "
        + "".join(c.rjust(width) for c in mine)
        + "    "
        + "".join(c.rjust(width) for c in true)
        for mine, true in zip(cells, right, strict=True)
    ]
    head = "    " + "returned".ljust(width * expected.shape[1] + 4) + "expected"
    return head, *lines
