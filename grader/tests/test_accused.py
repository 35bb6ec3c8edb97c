"""The surface of the fixture `kata`, and what is noted of each call."""

import sys
from types import ModuleType

import pytest
import torch

from grader.accused import Accused, Missing, Raised, Unwritten
from grader.record import Record
from grader.syllabus import ROOT
from grader.trees import Source, Tree


class Thing:
    def __init__(self, items):
        self.items = items

    def grow(self, item):
        self.items.append(item)
        return self

    def __getitem__(self, index):
        return self.items[index]

    def __iter__(self):
        return iter(self.items)


def generate(n):
    for i in range(n):
        if i == 3:
            raise IndexError("too far")
        yield i


@pytest.fixture
def kata():
    module = ModuleType("module")
    module.Thing, module.generate, module.CONSTANT = Thing, generate, (1, 2)
    module.double, module.todo = (lambda x: x * 2), unwritten
    return Accused(module, "", Record())


def unwritten():
    raise NotImplementedError


def test_data_and_tensors_come_as_they_are(kata):
    assert kata.CONSTANT == (1, 2)
    assert kata.double([1]) == [1, 1]
    assert type(kata.double(torch.ones(2))) is torch.Tensor


def test_objects_are_held_and_given_back_bare(kata):
    thing = kata.Thing([1])
    assert isinstance(thing, Accused)
    assert isinstance(thing.grow(2), Accused)
    assert (thing[1], list(thing)) == (2, [1, 2])
    assert kata.Thing(thing).items[0] == 1


def test_an_object_without_a_length_has_none(kata):
    with pytest.raises(TypeError, match="no length"):
        len(kata.Thing([]))


def test_private_names_are_not_read(kata):
    with pytest.raises(AttributeError):
        kata._secret  # noqa: B018


def test_a_missing_name_is_missing(kata):
    with pytest.raises(Missing, match="nonsense"):
        kata.nonsense  # noqa: B018
    assert not hasattr(kata, "nonsense")


def test_each_call_is_noted_as_it_reads(kata):
    kata.Thing([1]).grow(2)
    made, grown = kata.__dict__["_record"].calls
    assert made.text == "Thing([1])"
    assert grown.text == "Thing([1]).grow(2)"


def test_an_exception_is_marked_as_the_accuseds_own(kata):
    with pytest.raises(Raised) as caught:
        kata.double(None)
    assert isinstance(caught.value.error, TypeError)


@pytest.mark.parametrize("error", [SystemExit(0), pytest.skip.Exception("no"), GeneratorExit()])
def test_no_exception_ends_the_judge(error):
    def throw():
        raise error

    with pytest.raises(Raised):
        Accused(throw, "throw", Record())()


def test_an_iteration_is_watched_to_its_end(kata):
    steps = iter(kata.generate(9))
    assert [next(steps), next(steps), next(steps)] == [0, 1, 2]
    with pytest.raises(Raised, match="too far"):
        next(steps)


def test_what_is_not_written_is_told_apart(kata):
    with pytest.raises(Unwritten):
        kata.todo()


def test_what_is_printed_is_kept_in_part():
    accused = Accused(lambda: print("x" * 1000), "f", Record())
    accused()
    printed = accused.__dict__["_record"].calls[-1].printed
    assert (len(printed.text), printed.length) == (300, 1001)


def test_a_tree_reads_each_kata_from_where_it_is_told():
    slug = "text/simple_tokenizer_v1"
    replaced = {
        "text/regex_tokenize": Source(
            "WITHOUT_COLONS = ''\ndef regex_tokenize(*a): return ['hi']", ROOT / "x.py"
        )
    }
    tree = Tree("experiment", ROOT / "nowhere", frozenset({slug}), replaced)
    tokenizer = tree.load(slug).SimpleTokenizerV1({"hi": 7})
    assert tokenizer.encode("anything") == [7]
    tree.forget()
    assert not [name for name in sys.modules if name.startswith("experiment")]


def test_two_trees_do_not_meet():
    first, second = Tree("one", ROOT / "reference"), Tree("two", ROOT / "reference")
    assert first.load("text/regex_tokenize") is not second.load("text/regex_tokenize")
    first.forget()
    second.forget()
