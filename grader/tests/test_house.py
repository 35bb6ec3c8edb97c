"""The house is in order: mirrored trees, one slug each, nothing astray."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.checkout import damage
from grader.pages import Page, clause_of
from grader.stubs import functions, stub
from grader.syllabus import ROOT, kata, syllabus
from grader.variants import variants

KATAS = syllabus()
each_kata = pytest.mark.parametrize("this", KATAS, ids=lambda k: k.slug)
KATA_LIBRARIES = {"torch", "numpy", "regex", "tiktoken"}
CHAPTERS = sorted({k.chapter for k in KATAS})
LONGEST = {"transformer": 110, "gpt": 130, "scaling": 130, "pretraining": 90, "finetuning": 90}
SHORT = 60  # lines of the others
TEST_LIBRARIES = {"torch", "numpy", "regex", "hypothesis", "tests"}


def imported(path: Path) -> set[str]:
    """List the modules that a file imports absolutely, by their first name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        ("spec", "{}.md"),
        ("reference", "{}.py"),
        ("exercises", "{}.py"),
        ("tests", "test_{}.py"),
        ("mistakes", "{}.toml"),
        ("mistakes", "{}.txt"),
    ],
)
def test_every_tree_holds_the_syllabus_and_nothing_else(tree, name):
    files = (p for p in (ROOT / tree).glob("*/*") if p.is_file() and p.name != "__init__.py")
    here = {p.relative_to(ROOT / tree).as_posix() for p in files if p.suffix == Path(name).suffix}
    assert here == {f"{k.chapter}/{name.format(k.name)}" for k in KATAS}


@each_kata
def test_clauses_and_tests_name_each_other(this):
    tests = [
        f.name
        for f in functions(ast.parse(this.tests.read_text("utf-8")))
        if f.name.startswith("test_")
    ]
    assert {clause_of(name) for name in tests} == set(Page(this.page).clauses())


@each_kata
def test_a_page_has_its_parts_in_order(this):
    headings = re.findall(r"^## (.+)$", Page(this.page).text, re.M)
    wanted = ["Interface", "Definition", "Why", "Examples", "Clauses", "Hints", "Sources"]
    noted = [*wanted[:-1], "Afterwards", wanted[-1]]
    assert headings == (noted if Page(this.page).afterwards() else wanted)
    assert list(Page(this.page).clauses())[-1] == "the_printed_values_hold"
    assert len(Page(this.page).hints()) >= 2
    assert any(example.want for example in Page(this.page).examples())


@each_kata
def test_every_clause_is_short_and_has_a_body(this):
    for clause in Page(this.page).clauses().values():
        assert clause.body, clause.sentence
        assert len(f"  spec/{this.slug}.md#{clause.anchor}") <= 79, clause.sentence


@each_kata
def test_every_clause_catches_a_mistake(this):
    mistakes, right = variants(this)
    assert {clause for m in mistakes for clause in m.breaks} == set(Page(this.page).clauses())
    assert all(m.breaks for m in mistakes)
    assert right, "a kata has at least one solution that looks different and is right"


def test_there_are_eight_mistakes_a_kata():
    assert sum(len(variants(this)[0]) for this in KATAS) >= 8 * len(KATAS)


@each_kata
def test_a_kata_imports_only_earlier_katas(this):
    earlier = KATAS[: KATAS.index(this)]
    assert set(this.imports()) <= set(earlier)
    assert imported(this.reference) <= KATA_LIBRARIES
    relative = [
        f"{'.' * node.level}{node.module}"
        for node in ast.walk(ast.parse(this.reference.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert all(kata(name.removeprefix("..").replace(".", "/")) for name in relative)


@each_kata
def test_the_exercise_is_the_stub_of_the_reference(this):
    assert this.exercise.read_text("utf-8") == stub(this.reference.read_text("utf-8"))


@each_kata
def test_a_judge_never_asks_the_accused(this):
    """Tests reach the kata through the fixture alone, and assert with laws alone."""
    tree = ast.parse(this.tests.read_text("utf-8"))
    assert imported(this.tests) <= TEST_LIBRARIES
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    tests = [f for f in functions(tree) if f.name.startswith("test_")]
    assert all("kata" in [a.arg for a in f.args.args] for f in tests)


@each_kata
def test_every_public_function_is_documented(this):
    for f in functions(ast.parse(this.reference.read_text("utf-8"))):
        special = f.name.startswith("__") and not ast.get_docstring(f)
        assert f.name.startswith("_") or special or ast.get_docstring(f), f.name


def test_the_manifest_is_current():
    assert damage() == {}, "`kata verify --write` renews it"


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ("grader/*.py", 150),
        ("runs/*.py", 150),
        ("benchmarks/*.py", 150),
        ("tests/*.py", 150),
        ("tests/*/*.py", 285),
        *((f"reference/{chapter}/*.py", LONGEST.get(chapter, SHORT)) for chapter in CHAPTERS),
    ],
)
def test_no_module_is_long(files, most):
    found = list(ROOT.glob(files))
    assert found
    assert [p.name for p in found if len(p.read_text("utf-8").splitlines()) > most] == []


def test_the_command_starts_without_torch():
    code = (
        "import sys; from grader.cli import cli; cli.main([], standalone_mode=False);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("tree", ["grader", "runs"])
def test_nobody_knows_a_kata_by_name(tree):
    """The grader and the runs reach katas by slug, never by import."""
    files = [p for p in (ROOT / tree).rglob("*.py") if "tests" not in p.parts]
    assert not [p for p in files if imported(p) & {"reference", "exercises"}]


def test_every_text_file_is_utf8_with_plain_line_ends():
    suffixes = (".py", ".md", ".toml", ".txt", ".ini", ".json", ".html", ".css")
    ignored = {".tox", ".venv", ".kata", ".git"}
    for path in ROOT.rglob("*"):
        if path.suffix in suffixes and not ignored & set(path.relative_to(ROOT).parts):
            assert b"\r" not in path.read_bytes(), path
            path.read_text("utf-8")
