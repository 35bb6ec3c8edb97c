"""Says where two tensors differ, in words about indices and, if they are small, a picture."""

import torch

from tests.differences import a
from tests.patterns import pattern

LARGEST_PICTURE, WIDTH = 8, 79  # rows or columns, and characters of a line


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
    if returned.device != expected.device:
        return f"returned a tensor on {returned.device}, not on {expected.device}", ()
    returned, expected = returned.detach(), expected.detach()
    wrong = returned != expected
    if atol:
        wrong = ~torch.isclose(returned, expected, rtol, atol, equal_nan=False)
    if not bool(wrong.any()):
        return None
    count, total = int(wrong.sum()), wrong.numel()
    told = f"returned the wrong values: {count} of {total} {'differs' if count == 1 else 'differ'}"
    where = pattern(returned, expected, wrong)
    return told + (f": {where}" if where else ""), shown(returned, expected, wrong)


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def shown(returned, expected, wrong) -> tuple[str, ...]:
    """Draw small matrices side by side, and of anything else the first wrong entry."""
    if expected.dim() == 2 and expected.numel() and max(expected.shape) <= LARGEST_PICTURE:
        lines = picture(returned, expected, wrong)
        if max(map(len, lines)) <= WIDTH and readable(returned[wrong], expected[wrong]):
            return lines
    index = tuple(wrong.nonzero()[0].tolist())
    place = f"[{', '.join(map(str, index))}]" if index else ""
    mine, right = (value[index].item() for value in (returned, expected))
    width = len(f"returned{place} is")
    return f"    returned{place} is  {number(mine)}", f"    {'expected':<{width}}  {number(right)}"


def readable(wrong, right) -> bool:
    """Say whether wrong entries still look different from right ones in a picture."""
    pairs = zip(wrong.tolist(), right.tolist(), strict=True)
    return all(cell(w) != cell(r) for w, r in pairs)


def number(value) -> str:
    """Write a number with ten digits: the tolerance tells nine of them apart."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def picture(returned, expected, wrong) -> tuple[str, ...]:
    """Draw two matrices, with the wrong entries of the first in brackets."""
    cells = [
        [f"[{cell(r)}]" if w else f" {cell(r)} " for r, w in zip(*rows, strict=True)]
        for rows in zip(returned.tolist(), wrong.tolist(), strict=True)
    ]
    right = [[f" {cell(e)} " for e in row] for row in expected.tolist()]
    width = max(len(entry) for row in cells + right for entry in row)
    lines = [
        "    "
        + "".join(entry.rjust(width) for entry in mine)
        + "    "
        + "".join(entry.rjust(width) for entry in true)
        for mine, true in zip(cells, right, strict=True)
    ]
    head = "    " + "returned".ljust(width * expected.shape[1] + 4) + "expected"
    return head, *lines


def cell(value) -> str:
    """Write an entry in little room: a mask as 1 and a dot."""
    if isinstance(value, bool):
        return "1" if value else "."
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"
    return str(value)
