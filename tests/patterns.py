"""Names what is wrong with a tensor, where a plain pattern of its entries tells."""

from math import isqrt

import torch
from torch import Tensor

LEAST = 3  # on fewer rows or columns, different patterns look alike
FAR = 1e-5  # what is nearer is lost digits, and no pattern


def pattern(returned: Tensor, expected: Tensor, wrong: Tensor) -> str:
    """Say in a few words how, or else where, two tensors of one shape differ; empty if unclear."""
    if returned.dtype == torch.bool:
        inverted = bool(wrong.all()) and wrong.numel() > 1
        return "True and False are swapped" if inverted else place(wrong)
    if returned.is_floating_point() and not bool(returned.isfinite().all()):
        return unbounded(returned, expected) or place(wrong)
    for tell in (offset, sign, swapped, factor):
        if told := tell(returned.double(), expected.double()):
            return told
    return place(wrong)


def unbounded(returned: Tensor, expected: Tensor) -> str:
    """Count the entries that are no numbers and should be."""
    for what, found in (("nan", returned.isnan()), ("infinite", returned.isinf())):
        count = int((found & expected.isfinite()).sum())
        if count:
            where = place(found)
            told = f"{count} {'is' if count == 1 else 'are'} {what}"
            return f"{told}, {where}" if where else told
    return ""


def alike(a: Tensor, b: Tensor) -> bool:
    return bool(torch.isclose(a, b, rtol=1e-6, atol=1e-9).all())


def offset(returned: Tensor, expected: Tensor) -> str:
    steps = returned - expected
    if steps.numel() < 3 or not alike(steps, steps.flatten()[:1].expand_as(steps)):
        return ""
    step = steps.flatten()[0].item()
    if abs(step) < FAR:
        return ""
    return f"each is {abs(step):.4g} too {'large' if step > 0 else 'small'}"


def sign(returned: Tensor, expected: Tensor) -> str:
    return "the sign is the other one" if alike(returned, -expected) else ""


def swapped(returned: Tensor, expected: Tensor) -> str:
    square = returned.dim() >= 2 and returned.shape[-1] == returned.shape[-2]
    return "rows and columns are swapped" if square and alike(returned, expected.mT) else ""


def factor(returned: Tensor, expected: Tensor) -> str:
    """Name the factor by which all entries are off, if there is one."""
    nonzero = expected.abs() > 1e-6
    if int(nonzero.sum()) < 3 or not alike(returned[~nonzero], expected[~nonzero]):
        return ""
    ratios = returned[nonzero] / expected[nonzero]
    if not alike(ratios, ratios[:1].expand_as(ratios)):
        return ""
    ratio = ratios[0].item()
    if abs(ratio - 1) < FAR:
        return ""
    if ratio <= 0:
        return "each is zero" if ratio == 0 else f"each is {ratio:.4g} times what it should be"
    size = "large" if ratio > 1 else "small"
    return f"each is {number(max(ratio, 1 / ratio))} times too {size}"


def number(value: float) -> str:
    """Write a number as an integer, or as the root of one, if it is."""
    square = round(value**2)
    if abs(value**2 - square) < 1e-6 * square:
        root = isqrt(square)
        return str(root) if root * root == square else f"sqrt({square})"
    return f"{value:.4g}"


def place(wrong: Tensor) -> str:
    """Say where the wrong entries lie, if that is a plain region."""
    if wrong.dim() >= 3 and len(wrong) > 1 and not bool(wrong[0].any()):
        return "only beyond the first entry of the batch"
    if wrong.dim() < 2 or bool(wrong.all()):
        return ""
    wrong = wrong.flatten(0, -3).any(0) if wrong.dim() > 2 else wrong
    rows, columns = wrong.shape
    if min(rows, columns) < LEAST:
        return ""
    if rows == columns and bool(wrong.any()):
        if torch.equal(wrong, torch.eye(rows, dtype=torch.bool)):
            return "exactly the diagonal"
        for what, region in (("above", wrong.triu(1)), ("below", wrong.tril(-1))):
            if torch.equal(wrong, region) and int(wrong.sum()) > 1:
                return f"all of them {what} the diagonal"
    for what, lines, full in (
        ("row", wrong.any(1), wrong.all(1)),
        ("column", wrong.any(0), wrong.all(0)),
    ):
        found = lines.nonzero().flatten().tolist()
        if len(found) == 1 and torch.equal(lines, full):
            return f"exactly {what} {found[0]}"
    return ""
