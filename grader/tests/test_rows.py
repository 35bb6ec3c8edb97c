"""Rows that cannot be learned from: each is named, and told how to be put right."""

import json

import click
import pytest

from runs.rows import Form, read

PAIRS = Form(("instruction", "output"), ("input",))
GOOD = {"instruction": "Say yes.", "output": "Yes."}


def told(path, form=PAIRS) -> str:
    """Return the one sentence with which a file is refused."""
    with pytest.raises(click.ClickException) as refused:
        read(path, form)
    return refused.value.format_message()


def in_file(tmp_path, content, name="rows.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([GOOD, {"instruction": "Say no."}], "row 2: the field 'output' is missing"),
        ([{**GOOD, "output": 7}], "row 1: 'output' must be text, and is a number"),
        ([GOOD, {**GOOD, "input": None}], "row 2: 'input' must be text, and is null"),
        ([{**GOOD, "output": ["Yes."]}], "row 1: 'output' must be text, and is a list"),
        ([{**GOOD, "output": True}], "row 1: 'output' must be text, and is true or false"),
        ([{**GOOD, "instruction": " \n"}], "row 1: 'instruction' is blank"),
        ([GOOD, "Yes."], "row 2: a row must have fields, and this is text"),
        ([{**GOOD, "output": "\ud800"}], "row 1: 'output' holds half a character"),
        ([], "holds no rows"),
        (GOOD, "holds an object, and not a list of rows"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path, rows, says):
    path = in_file(tmp_path, rows)
    assert says in told(path)
    assert str(path) in told(path)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.csv"])
def test_an_empty_file_is_named(tmp_path, name):
    assert "is empty: name a file with text." in told(in_file(tmp_path, "", name))


def test_json_that_is_cut_in_half_is_named_with_the_place(tmp_path):
    whole = json.dumps([GOOD, GOOD], indent=1)
    path = in_file(tmp_path, whole[: len(whole) // 2])
    assert "is not whole JSON" in told(path)
    assert "at line" in told(path)
    path = in_file(tmp_path, json.dumps(GOOD) + "\n" + json.dumps(GOOD)[:20] + "\n", "rows.jsonl")
    assert "line 2, is not whole JSON" in told(path)
    assert "nested too deeply" in told(in_file(tmp_path, "[" * 100_000))


def test_a_table_that_is_not_whole_is_named_with_the_line(tmp_path):
    path = in_file(tmp_path, "instruction,output\nSay yes.,Yes.\nSay no.\n", "rows.csv")
    assert "line 3: the row has not as many fields as the first line, 2" in told(path)
    path = in_file(tmp_path, "instruction,output\na,b,c\n", "rows.csv")
    assert "line 2: the row has not as many fields" in told(path)
    path = in_file(tmp_path, 'instruction,output\n"Say yes.,Yes.\n', "rows.csv")
    assert "is not whole CSV" in told(path)
    path = in_file(tmp_path, "question,answer\na,b\n", "rows.csv")
    assert "line 2: the field 'instruction' is missing; it has 'question', 'answer'" in told(path)


def test_a_file_of_another_kind_is_a_usage_error(tmp_path):
    path = in_file(tmp_path, "a\tb\n", "rows.tsv")
    with pytest.raises(click.UsageError, match=r"ends in \.json, \.jsonl, \.csv"):
        read(path, PAIRS)


def test_fields_that_are_too_many_are_left_out_and_people_are_told(tmp_path, capsys):
    rows = [GOOD, {**GOOD, "id": 7, "source": "forum"}, {**GOOD, "id": 8}]
    found = read(in_file(tmp_path, rows), PAIRS)
    assert [row.fields for row in found] == [GOOD] * 3
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].endswith("row 2: the field 'id' is left out, here as elsewhere.")
    assert "'source'" in said[1]


def test_the_three_kinds_of_files_hold_the_same(tmp_path):
    rows = [{**GOOD, "input": 'a, "b"\nc'}, {**GOOD, "input": ""}]
    lines = "\n\n".join(map(json.dumps, rows))
    table = 'instruction,output,input\nSay yes.,Yes.,"a, ""b""\nc"\nSay yes.,Yes.,\n'
    for content, name in ((rows, "a.json"), (lines, "a.jsonl"), (table, "a.csv")):
        found = read(in_file(tmp_path, content, name), PAIRS)
        assert [row.fields for row in found] == rows
    with_mark = read(in_file(tmp_path, "\ufeff" + table, "b.CSV"), PAIRS)
    assert [row.place for row in with_mark] == ["line 3", "line 4"]
