"""What a test may ask for besides the kata: the page's examples, and published data."""

import pytest

from grader.data import gpt2_encoding, gpt2_merges, the_verdict
from grader.pages import Page
from grader.syllabus import kata_of


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
