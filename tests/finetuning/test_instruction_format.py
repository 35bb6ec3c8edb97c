"""spec/finetuning/instruction_format.md, clause by clause."""

from types import MappingProxyType

from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)

SHORT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request."
)
LONG = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request."
)
END = "\n\n### Response:\n"
BLANKS = ("", " ", "\n", "\t \n", "\u00a0", "\u2003", "\u3000\x0b")
PIECES = ["a", "B", "é", " ", "\n", "{", "}", "{input}", "{0}", "%s", "100%", "\\n", END]
PIECES += ["\r\n", "e\u0301", "$input", "$$"]
JOINTS = ("\n", "\n\n", " ", "\t", "|", "\n\n### Input:\n")  # between instruction and input
fields = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
filled = fields.filter(str.strip)
blanks = st.sampled_from(BLANKS)
few_rows = st.fixed_dictionaries(
    {"instruction": st.sampled_from("xy"), "output": st.sampled_from("no")},
    optional={"input": st.sampled_from(["", " ", "z", "z "]), "id": st.integers(0, 2)},
)
sources = st.lists(st.lists(few_rows, max_size=4), max_size=3)
GOOD = {"instruction": "x", "input": "y", "output": "z"}


def row(instruction, given, output):
    return {"instruction": instruction, "input": given, "output": output}


def everywhere(text):
    return {"instruction": text, "given": text, "output": text}


def prompt_by_the_definition(instruction, given):
    """Write the lines one below the other."""
    lines = [LONG if given.strip() else SHORT, "", "### Instruction:", instruction, ""]
    lines += ["### Input:", given, ""] if given.strip() else []
    return "\n".join([*lines, "### Response:", ""])


def rows_by_the_definition(sources, dedupe):
    """Compare each row with all that were kept before it."""
    kept = []
    for found in [found for source in sources for found in source]:
        given = found.get("input", "")
        new = row(found["instruction"], given if given.strip() else "", found["output"])
        same = [r for r in kept if all(r[f] == new[f] for f in ("instruction", "input"))]
        kept += [] if dedupe and same else [new]
    return kept


def assert_ends(text, end, told):
    """Assert that a text ends with another, and show what it ends with."""
    told = f"{told} {text[-len(end) :]!r}, not with {end!r}"
    assert_holds(text.endswith(end), told, text)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(instruction=filled, given=filled | blanks, output=filled)
@example(instruction="Spell it.", given="Ocassion", output="Occasion")
@example(instruction="Say hello.", given=" ", output="Hello")
def test_it_agrees_with_the_definition(kata, instruction, given, output):
    prompt = prompt_by_the_definition(instruction, given)
    asked = row(instruction, given, output)
    for this in (asked, MappingProxyType(asked)):
        assert_equal(kata.format_prompt(this), prompt)
        assert_equal(kata.format_example(this), prompt + output)


@given(sources=sources, dedupe=st.booleans())
@example(sources=[[GOOD, row("x", "", "z")], [row("x", " ", "o"), GOOD]], dedupe=True)
def test_it_agrees_with_the_definition__where_sources_are_combined(kata, sources, dedupe):
    assert_equal(kata.combine(*sources, dedupe=dedupe), rows_by_the_definition(sources, dedupe))


@given(instruction=filled, given=filled | blanks)
@example(instruction="x", given="y")
@example(instruction="x", given="")
@example(instruction="x \n", given="y \n")
def test_a_prompt_ends_where_the_response_begins(kata, instruction, given):
    assert_ends(kata.format_prompt(row(instruction, given, "z")), END, "ends with")


@given(instruction=filled, given=filled | blanks, output=filled)
@example(instruction="x", given="y", output="z")
@example(instruction="x", given="", output=" \nz\n")
def test_an_example_is_its_prompt_and_its_output(kata, instruction, given, output):
    this = row(instruction, given, output)
    prompt, text = kata.format_prompt(this), kata.format_example(this)
    at = next((i for i, c in enumerate(prompt) if text[i : i + 1] != c), None)
    told = f"goes on at {at} with {text[at:][:20]!r}, where the prompt has"
    assert_holds(at is None, f"{told} {prompt[at:][:20]!r}", text)
    rest = text[len(prompt) :]
    told = f"goes on after the prompt with {rest!r}; the output is {output!r}"
    assert_holds(rest == output, told, text)


def test_a_prompt_does_not_know_the_output(kata):
    for asked in ({"instruction": "x"}, {"instruction": "x", "input": "y"}):
        alone = kata.format_prompt(asked)
        with_more = kata.format_prompt(asked | {"output": "secret", "topic": "hidden"})
        told = f"returned another prompt with an output than without: it ends {with_more[-24:]!r}"
        assert_holds(alone == with_more, told, with_more)


@given(instruction=st.text("xy", min_size=1), blank=blanks)
@example(instruction="x", blank="")
@example(instruction="x", blank=" ")
@example(instruction="x", blank="\u2003")
@example(instruction="x", blank="\u3000\x0b")
def test_a_blank_input_has_no_section(kata, instruction, blank):
    right = prompt_by_the_definition(instruction, "")
    for asked in ({"instruction": instruction, "input": blank}, {"instruction": instruction}):
        prompt = kata.format_prompt(asked)
        same = prompt.count("### Input") == right.count("### Input")
        assert_holds(same, f"wrote a section for the input {blank!r}", prompt)
        assert_equal(prompt, right)


def test_a_blank_input_has_no_section__any_other_has_one(kata):
    for value in ("0", "y", " y", ".\n"):
        prompt = kata.format_prompt({"instruction": "x", "input": value})
        assert_holds("### Input:" in prompt, f"wrote no section for the input {value!r}", prompt)
        first = prompt.partition("\n")[0]
        assert_holds(first == LONG, f"begins, with an input, {first!r}", prompt)


@given(instruction=filled, given=filled, output=filled)
@example(instruction="x", given="y", output="z")
@example(instruction="fill in {input}", given="{output}", output="{instruction}")
@example(instruction="{x} %s", given="50% {0}", output="%(y)s {}")
@example(instruction=f"x{END}y", given="### Input:\n", output=END)
@example(instruction="  x\n", given="\ty ", output=" z\n\n")
@example(**everywhere("a\r\nb\rc"))
@example(**everywhere("e\u0301"))
@example(**everywhere("$input"))
@example(**everywhere("$$"))
def test_what_is_given_stands_as_it_was_given(kata, instruction, given, output):
    text = kata.format_example(row(instruction, given, output))
    head, middle = f"{LONG}\n\n### Instruction:\n", "\n\n### Input:\n"
    expected = {
        "instruction": (len(head), instruction),
        "input": (len(head + instruction + middle), given),
        "output": (len(head + instruction + middle + given + END), output),
    }
    for name, (start, field) in expected.items():
        found = text[start : start + len(field)]
        told = f"has {found!a} where the {name} is to stand, which is {field!a}"
        assert_holds(found == field, told, text)
    assert_equal(len(text), len(head + instruction + middle + given + END + output))


@given(sources=sources)
@example(sources=[[GOOD, GOOD], [], [row("a", "b", "c"), GOOD]])
@example(sources=[])
def test_sources_follow_one_another(kata, sources):
    given = [found for source in sources for found in source]
    rows = kata.combine(*sources, dedupe=False)
    told = f"returned {len(rows)} rows of {len(given)}, though dedupe=False"
    assert_holds(len(rows) == len(given), told, rows)
    names = ("instruction", "output")
    found, right = ([tuple(r[n] for n in names) for r in all_] for all_ in (rows, given))
    assert_holds(found == right, f"returned the rows in the order {found}, not {right}", rows)
    once = kata.combine(*((r for r in source) for source in sources), dedupe=False)
    assert_holds(once == rows, f"returned {len(once)} rows of generators, {len(rows)} of lists")


def test_sources_follow_one_another__and_are_kept_in_order_without_doubles(kata):
    letters = "qzxya"
    rows = kata.combine([row(c, "", c) for c in letters], [row("b", "", "b")])
    found = "".join(r["instruction"] for r in rows)
    assert_holds(found == letters + "b", f"returned the order {found}, not {letters}b", rows)


def test_the_first_of_equal_questions_stays(kata):
    first, second, other = row("x", "y", "1"), row("x", "y", "2"), row("q", "", "3")
    for sources in ([[first, other, second]], [[first], [other], [second]]):
        for options in ({}, {"dedupe": True}):
            rows = kata.combine(*sources, **options)
            found = [r["output"] for r in rows]
            told = f"kept the outputs {found}; the questions of '1' and '2' are the same"
            assert_holds(found == ["1", "3"], told, rows)
        assert_equal(kata.combine(*sources, dedupe=False), [r for s in sources for r in s])


def test_different_questions_stay(kata):
    pairs = [("x", ""), ("x", "y"), ("q", "y"), ("X", "y"), ("x ", "y"), ("x", "y "), ("xy", "")]
    pairs += [("x", "Y"), (" x", "y"), ("x", " y"), ("é", ""), ("e\u0301", ""), ("x", "é")]
    pairs += [("x", "e\u0301"), *((f"a{j}b", "c") for j in JOINTS)]
    pairs += [("a", f"b{j}c") for j in JOINTS]
    rows = kata.combine([row(*pair, "Yes.") for pair in pairs])
    found = [(r["instruction"], r["input"]) for r in rows]
    lost = [pair for pair in pairs if pair not in found]
    told = f"left out {len(lost)} of {len(pairs)} questions, first {next(iter(lost), None)!a}"
    told = f"{told}, though no other row asks the same"
    assert_holds(not lost, told, rows)


def test_each_row_has_three_fields(kata):
    given = [{"output": " o", "instruction": " x\n", "id": 3}, *(row("q", b, "o") for b in BLANKS)]
    for dedupe, right in ((False, len(given)), (True, 2)):
        rows = kata.combine(given, dedupe=dedupe)
        told = f"kept {len(rows)} rows, not {right}: blank inputs are all the same"
        assert_holds(len(rows) == right, told, rows)
        for found in rows:
            told = f"returned a row with {found.get('input')!r} as its input, which was blank"
            assert_holds(found.get("input") == "", told, rows)
        assert_equal(rows[0], row(" x\n", "", " o"))
    assert_equal(kata.combine([row("x", " y\n", "z") | {"id": 3}]), [row("x", " y\n", "z")])
    assert_equal(kata.combine([MappingProxyType(GOOD)]), [GOOD])


def test_a_row_that_is_of_no_use_is_refused(kata):
    for dedupe in (True, False):
        for field in GOOD:
            rest = {name: text for name, text in GOOD.items() if name not in (field, "input")}
            no_text = (None, 5, ["y"], 0, False, [])
            unfit = no_text if field == "input" else (*BLANKS, *no_text)
            lacking = [rest] if field != "input" else []
            for bad in (*lacking, *({field: value} | rest for value in unfit)):
                with assert_raises(ValueError, mentions=field):
                    kata.combine([bad], dedupe=dedupe)
        for bad in ("instruction", ["x", "y", "z"], None):
            with assert_raises(ValueError):
                kata.combine([bad], dedupe=dedupe)


def test_a_row_that_is_of_no_use_is_refused__and_can_be_found(kata):
    fine = [row(name, "", "z") for name in "abcdefg"]
    for bad in ({"instruction": "x"}, GOOD | {"input": None}, GOOD | {"output": ""}, "abc"):
        with assert_raises(ValueError, mentions="row 7 of source 2"):
            kata.combine(fine, [], [*fine, bad])


def test_a_row_that_is_of_no_use_is_refused__even_if_it_asks_again(kata):
    for bad in (GOOD | {"output": " "}, {"instruction": "x", "input": "y"}):
        with assert_raises(ValueError, mentions="output"):
            kata.combine([GOOD, bad])


def test_the_rows_given_are_left_alone(kata):
    given = [{"instruction": "x", "output": "z"}, row("q", " ", "z") | {"id": 1}, GOOD]
    for dedupe in (True, False):
        assert_leaves_alone(kata.combine, given, [GOOD], dedupe=dedupe)
    for source in ([dict(GOOD)], [row("q", "", "z")]):
        kata.combine(source)[0]["output"] = "changed"
        told = "returned a dict that was given: who changes the one changes the other"
        assert_holds(source[0]["output"] == "z", told)
    for call in (kata.format_prompt, kata.format_example):
        assert_leaves_alone(call, {"instruction": "x", "output": "z"})
        assert_leaves_alone(call, row(" x", " ", "z") | {"id": 1})
