"""What becomes of a solved module when it is turned into an exercise."""

from grader.stubs import stub, untouched
from grader.syllabus import syllabus

SOLVED = '''"""A module."""

from math import sqrt

_TABLE = {1: 2}
GIVEN = 3


class Thing:
    """A thing."""

    def __init__(self, a):
        """Keep a."""
        self.a = a

    @property
    def _hidden(self):
        return 1

    def given(self):
        return self.a


def root(x):
    """Take the root."""
    # a comment
    return sqrt(x)


def _helper(x):
    """Help."""
    return x


class _Cache(dict):
    pass
'''

STUB = '''"""A module."""

from math import sqrt

GIVEN = 3


class Thing:
    """A thing."""

    def __init__(self, a):
        """Keep a."""
        raise NotImplementedError

    def given(self):
        return self.a


def root(x):
    """Take the root."""
    raise NotImplementedError
'''


def test_documented_bodies_go_and_private_names_with_them():
    made = stub(SOLVED)
    assert [line for line in made.splitlines() if line] == [
        line for line in STUB.splitlines() if line
    ]


def test_a_stub_is_untouched_and_its_own_stub():
    assert untouched(stub(SOLVED))
    assert stub(stub(SOLVED)) == stub(SOLVED)


def test_anything_written_is_touched():
    assert not untouched(SOLVED)
    assert not untouched(STUB.replace("raise NotImplementedError", "return 1", 1))
    assert not untouched("def f(:")
    assert not untouched("")


def test_every_stub_can_be_imported_by_python():
    for this in syllabus():
        compile(stub(this.reference.read_text("utf-8")), str(this.exercise), "exec")
