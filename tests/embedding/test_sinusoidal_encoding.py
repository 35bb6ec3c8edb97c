"""spec/embedding/sinusoidal_encoding.md, clause by clause."""

from math import cos, sin

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_close, assert_examples, assert_holds, assert_raises

lengths = st.sampled_from([5, 1, 2, 12, 33])
dims = st.sampled_from([4, 6, 2, 10, 16])
bases = st.sampled_from([10000.0, 100.0, 2.0, 500000.0])
steps = st.integers(0, 100)
ROUNDING = 1e-7  # float32 near 1 is off by up to 3e-8
COARSE = 2e-5  # what angles in float32 lose within 200 positions is another clause's business


def by_the_definition(length, dim, base=10000.0):
    """Work every entry out by itself, in float64."""
    rows = [
        [(cos if j % 2 else sin)(t / base ** ((j - j % 2) / dim)) for j in range(dim)]
        for t in range(length)
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(length, dim)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(length=lengths, dim=dims, base=bases)
@example(length=5, dim=6, base=100.0)
@example(length=3, dim=512, base=10000.0)
def test_it_agrees_with_the_definition(kata, length, dim, base):
    code = kata.sinusoidal_encoding(length, dim, base)
    assert_close(code, by_the_definition(length, dim, base).float(), rtol=0, atol=ROUNDING)


@given(length=lengths, dim=dims, base=bases)
@example(length=3, dim=4, base=10000.0)
def test_the_first_row_alternates_zero_and_one(kata, length, dim, base):
    code = kata.sinusoidal_encoding(length, dim, base).double()
    right = torch.tensor([0.0, 1.0], dtype=torch.float64).repeat(dim // 2)
    assert_close(code[:1], right[None])


@given(length=lengths, dim=dims, base=bases)
@example(length=5, dim=4, base=10000.0)
def test_each_pair_is_a_point_on_the_unit_circle(kata, length, dim, base):
    code = kata.sinusoidal_encoding(length, dim, base)
    squares = code.double().square().reshape(length, -1, 2).sum(-1)
    t, i = divmod(int((squares - 1).abs().argmax()), squares.shape[1])
    found = squares[t, i].item()
    told = f"returned columns {2 * i} and {2 * i + 1} of row {t} with squares that add up to"
    assert_holds(abs(found - 1) < 1e-6, f"{told} {found:.6g}, not 1", code)


@given(t=steps, k=steps, dim=dims, base=bases)
@example(t=3, k=2, dim=4, base=10000.0)
@example(t=100, k=100, dim=6, base=10000.0)
def test_a_shift_is_the_same_rotation_everywhere(kata, t, k, dim, base):
    code = kata.sinusoidal_encoding(t + k + 1, dim, base).double()
    s, c = code[:, 0::2], code[:, 1::2]
    turned = torch.stack([s[t] * c[k] + c[t] * s[k], c[t] * c[k] - s[t] * s[k]], -1).flatten()
    off = (code[t + k] - turned).abs().max().item()
    told = f"returned a row {t + k} that is not row {t} turned by the angles of row {k}: off by"
    assert_holds(off < COARSE, f"{told} {off:.3g}", code)


@given(length=lengths, dim=dims, base=bases)
@example(length=12, dim=6, base=10000.0)
def test_a_dot_product_tells_how_far_apart(kata, length, dim, base):
    code = kata.sinusoidal_encoding(length, dim, base)
    dots = code.double() @ code.double().mT
    for k in range(length):
        found = dots.diagonal(k)
        at = int((found - found[0]).abs().argmax())
        told = f"returned rows 0 and {k} with dot product {found[0]:.6g}, but rows {at} and"
        told = f"{told} {at + k}, as far apart, with {found[at]:.6g}"
        assert_holds(bool((found - found[0]).abs().max() < COARSE * dim), told, code)


def test_all_rows_are_distinct(kata):
    for dim in (2, 4, 64):
        code = kata.sinusoidal_encoding(10000, dim)
        rounded = code.double().round(decimals=5)
        _, group, counts = rounded.unique(dim=0, return_inverse=True, return_counts=True)
        alike = (counts[group] > 1).nonzero().flatten().tolist() or [0]
        twins = (group == group[alike[0]]).nonzero().flatten().tolist()[:2]
        told = f"returned {len(counts)} distinct rows, not 10,000: rows {twins} are equal"
        assert_holds(len(counts) == 10000, told, code)


@given(length=lengths, more=lengths, dim=dims, base=bases)
@example(length=3, more=5, dim=4, base=10000.0)
def test_a_longer_table_begins_with_the_shorter(kata, length, more, dim, base):
    longer = kata.sinusoidal_encoding(length + more, dim, base).detach()[:length]
    shorter = kata.sinusoidal_encoding(length, dim, base)
    assert_close(shorter, longer, rtol=0, atol=ROUNDING)


def test_a_longer_table_begins_with_the_shorter__and_none_is_the_shortest(kata):
    code = kata.sinusoidal_encoding(0, 6)
    shape = tuple(code.shape)
    assert_holds(shape == (0, 6), f"returned shape {shape}, not (0, 6)", code)


@given(dim=dims, base=bases)
@example(dim=4, base=10000.0)
@example(dim=2, base=100.0)
def test_each_hand_is_slower_by_the_same_factor(kata, dim, base):
    assert_speeds(kata.sinusoidal_encoding(3, dim, base), base)


def test_each_hand_is_slower_by_the_same_factor__ten_thousand_by_default(kata):
    assert_speeds(kata.sinusoidal_encoding(3, 4), 10000.0)


def assert_speeds(code, base):
    """Assert by how much each pair has turned from row 0 to row 1."""
    before, after, _ = code.double().detach()
    angles = [torch.atan2(row[0::2], row[1::2]) for row in (before, after)]
    for i, turned in enumerate((angles[1] - angles[0]).tolist()):
        right = base ** (-2 * i / code.shape[1])
        told = f"returned a pair {i} that turns by {turned:.6g} a step, not by {right:.6g}"
        assert_holds(abs(turned - right) < 1e-5 * right, told, code)


@given(dim=st.sampled_from([2, 6, 64, 512]), base=bases)
@settings(max_examples=3)
@example(dim=64, base=10000.0)
def test_position_9999_keeps_all_its_digits(kata, dim, base):
    code = kata.sinusoidal_encoding(10000, dim, base)
    for t in (1000, 4097, 9999):
        right = [(cos if j % 2 else sin)(t / base ** ((j - j % 2) / dim)) for j in range(dim)]
        off = (code[t].double() - torch.tensor(right, dtype=torch.float64)).abs()
        told = f"returned entries off by up to {off.max():.2g} at position {t}"
        assert_holds(bool(off.max() <= ROUNDING), told, code)


def test_a_longer_table_begins_with_the_shorter__beyond_ten_thousand_rows(kata):
    last = kata.sinusoidal_encoding(10_003, 4)[-4:]
    assert_holds(len(last.unique(dim=0)) == 4, "gave rows 9,999 to 10,002 that are alike", last)


def test_the_code_is_float32_and_learns_nothing(kata):
    code = kata.sinusoidal_encoding(3, 4)
    assert_holds(code.dtype == torch.float32, f"returned {str(code.dtype)[6:]}, not float32", code)
    assert_holds(not code.requires_grad, "returned a tensor that asks for a gradient", code)


def test_the_code_is_float32_and_learns_nothing__and_is_new_each_time(kata):
    code = kata.sinusoidal_encoding(3, 4).detach()
    before = code.clone()
    code += 1
    again = kata.sinusoidal_encoding(3, 4)
    told = "returned a tensor to which an earlier caller has written"
    assert_holds(torch.equal(again.detach(), before), told, again)


def test_an_odd_size_is_refused(kata):
    for dim in (1, 3, 7):
        with assert_raises(ValueError, mentions="dim"):
            kata.sinusoidal_encoding(4, dim)
