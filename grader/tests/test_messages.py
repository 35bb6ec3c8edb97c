"""What a failure says: the sentence for each way of being wrong, and its size on the screen."""

import pytest
import torch

from grader.accused import Accused
from grader.brief import brief
from grader.record import Record
from grader.syllabus import syllabus
from tests.differences import difference


@pytest.mark.parametrize(
    ("returned", "expected", "told"),
    [
        (None, [1], "returned nothing (None)"),
        ((1, 2), [1, 2], "returned a tuple, not a list"),
        (1.0, 1, "returned a float, not an int"),
        (True, 1, "returned a bool, not an int"),
        ([1, 2, 3], [1, 2], "1 too many at the end"),
        ([1], [1, 2], "the last item is missing"),
        ([2, 3], [1, 2, 3], "the first item is missing"),
        ([3, 2, 1], [1, 2, 3], "in reverse"),
        ([2, 1, 3], [1, 2, 3], "in another order"),
        ([2, 3, 4], [1, 2, 3], "every item is 1 too large"),
        ([1, 5, 3], [1, 2, 3], "item 1 differs"),
        ([True, 2], [1, 2], "item 0 differs"),
        ({"a": 1}, {"a": 1, "b": 2}, "a dict that lacks 'b'"),
        ({"a": 1, "b": 2}, {"a": 1}, "holds, and should not, 'b'"),
        ({"a": 2}, {"a": 1}, "1 of 1 entries differ"),
        ("abd", "abc", "it differs at 2"),
        (b"ab", b"abc", "it differs at 2"),
        (2, 3, "the wrong value"),
        (Accused(iter([1]), "f()", Record()), [1], "returned a list_iterator, not a list"),
        ([1], torch.tensor([1]), "returned a list, not a tensor"),
        (torch.ones(2, 3), torch.ones(3, 2), "the last two axes are swapped"),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), "returned dtype float32, not float64"),
        (torch.tensor([1, 2, 4]), torch.tensor([1, 2, 3]), "1 of 3 differs"),
        (torch.tensor([2, 3, 4]), torch.tensor([1, 2, 3]), "each is 1 too large"),
        (torch.tensor([1.0, torch.nan]), torch.tensor([1.0, 2.0]), "1 is nan"),
        (-torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]), "the sign is the other one"),
        (torch.arange(9).view(3, 3).T, torch.arange(9).view(3, 3), "rows and columns are swapped"),
    ],
)
def test_a_difference_is_named(returned, expected, told):
    says, shown = difference(returned, expected, rtol=0.0, atol=1e-9)
    assert told in says
    assert all(len(line) <= 79 for line in shown)


@pytest.mark.parametrize(
    "value", [[1, "a"], {"a": 1}, "é", b"\xff", torch.ones(2, 2), torch.tensor(3)]
)
def test_equal_values_have_no_difference(value):
    assert difference(value, value, rtol=0.0, atol=0.0) is None


def test_a_small_matrix_is_drawn_with_its_wrong_entries_in_brackets():
    wrong = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 0]])
    _, shown = difference(wrong, torch.arange(1, 10).view(3, 3), rtol=0.0, atol=0.0)
    assert shown == (
        "    returned     expected",
        "     1  2  3      1  2  3 ",
        "     4  5  6      4  5  6 ",
        "     7  8 [0]     7  8  9 ",
    )


@pytest.mark.parametrize(
    "value",
    [
        "a" * 1000,
        b"a" * 1000,
        list(range(1000)),
        {i: i for i in range(1000)},
        torch.ones(9, 9),
        object(),
        [["x" * 99]],
    ],
)
def test_a_value_is_written_briefly(value):
    assert len(brief(value)) <= 90
    assert "0x" not in brief(value)


@pytest.mark.parametrize("this", syllabus(), ids=lambda k: k.slug)
def test_every_message_on_file_fits_on_a_screen(this):
    """At most 20 lines of at most 79 columns, with the clause, the place and the next command."""
    messages = this.messages.read_text("utf-8").strip().split("\n\n[")
    for message in messages:
        name, *lines = message.strip("[").splitlines()
        assert len(lines) <= 20, name
        assert max(map(len, lines)) <= 79, name
        assert lines[0].startswith(f"✗ {this.name} · "), name
        assert f"exercises/{this.slug}.py" in message, name
        assert lines[-1] == f"  kata hint {this.name}", name
