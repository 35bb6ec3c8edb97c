"""What a test may ask for: the kata that it judges, the page's examples, published data."""

import ast
from pathlib import Path

import pytest

from grader import messages
from grader.accused import Accused, Unloadable, by_the_user
from grader.data import gpt2_encoding, gpt2_merges, the_verdict
from grader.layout import shortest
from grader.pages import Page
from grader.record import Record
from grader.shortcuts import uses
from grader.stubs import untouched
from grader.syllabus import ROOT, Kata, kata_of, syllabus
from grader.trees import Source, Tree
from grader.variants import variant
from grader.verdicts import solved


def tree_for(config, this: Kata) -> Tree:
    """Lay out the package in which the kata under test is imported."""
    option = config.option
    others = frozenset(k.slug for k in syllabus() if k != this)
    if option.variant:
        source = Source(variant(this, option.variant).source, this.exercise)
        return Tree("accused", ROOT / "reference", others, {this.slug: source})
    named = option.impl in ("exercises", "reference")
    folder = ROOT / option.impl if named else Path(option.impl).resolve()
    if option.impl == "exercises" and not option.lean:
        told = getattr(option, "solved", None)  # where the parent has looked
        others -= {k.slug for k in this.imports() if solved(k)} if told is None else told
    return Tree("accused", folder, others)


def public_names(tree: ast.Module) -> list[str]:
    """List the functions and classes that a module defines for others."""
    defined = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return [node.name for node in defined if not node.name.startswith("_")]


@pytest.fixture(scope="module")
def imported(request):
    """The tree of the kata under test, from which it was imported once, and the record of it."""
    this = kata_of(request.path)
    tree = tree_for(request.config, this)
    named = public_names(ast.parse(this.reference.read_text("utf-8")))
    request.node.record = record = Record(Page(this.page).shortcuts(), named)
    request.node.file = file = tree.file(this.slug)
    try:
        request.node.source = tree.source(this.slug).text
        started = not untouched(request.node.source)
        tree.load(this.slug)
        if used := uses(request.node.source, ()):
            raise ImportError(f"line {used[0].line} takes the answer from the reference")
    except BaseException as error:
        if by_the_user(error):
            raise
        raise Unloadable(messages.of_import(this, error, file)) from error
    if not started:
        pytest.skip(f"not started yet: {shortest(file)}")
    yield tree, record
    tree.forget()


@pytest.fixture
def kata(request, imported):
    """The kata under test, whoever wrote it, as it is when nobody has used it yet."""
    tree, record = imported
    return Accused(tree.load_anew(kata_of(request.path).slug), "", record)


@pytest.fixture
def shortcuts(request, kata):
    """The forbidden names that the accused uses, with their lines, by reading and by watching.

    What is watched is what was run until the test asks for the first of them.
    """
    record, source = request.node.parent.record, request.node.parent.source

    def found():
        yield from uses(source, record.shortcuts)
        yield from ((name, None) for name in sorted(record.operators))

    return found()


@pytest.fixture
def examples(request):
    """The examples by value of the kata's page."""
    return Page(kata_of(request.path).page).examples()


@pytest.fixture(scope="session")
def gpt2():
    """GPT-2's published encoding, from tiktoken, without the network."""
    return gpt2_encoding()


@pytest.fixture(scope="session")
def gpt2_files(gpt2):
    """GPT-2's vocabulary and merges: id to bytes, and pairs of bytes in order."""
    vocab = {rank: token for token, rank in gpt2._mergeable_ranks.items()}
    return vocab, gpt2_merges()


@pytest.fixture(scope="session")
def verdict():
    """The whole story "The Verdict"; without it the test is skipped, and says so."""
    text = the_verdict()
    if text is None:
        pytest.skip("needs The Verdict: set VERDICT_PATH, or run `python -m reference fetch`")
    return text
