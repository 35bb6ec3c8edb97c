"""What the katas add up to: an encoder-decoder that learns, and the pictures on the pages."""

import io
import re

import pytest
from matplotlib.image import imread

from grader.syllabus import ROOT, kata
from grader.tests.running import ONE_THREAD, refused, run

FIGURES = ("positions.png", "masks.png", "attention.png", "scale.png", "norms.png")


@pytest.fixture(scope="module")
def copied() -> str:
    """What a short training prints; the same command prints the same again."""
    words = ("--task", "copy", "--steps", 120, "abcd", "zz")
    done = run("translate", *words, PYTHONIOENCODING="ascii", **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^step 12 of 120  loss \d\.\d{4}  \d:\d\d left$", done.stderr, re.M)
    return done.stdout.decode()


def test_a_short_training_learns_something(copied):
    loss = float(re.search(r"^loss +(\d+\.\d+) at the end", copied, re.M)[1])
    assert loss < 2.0  # guessing among 27 letters gives 3.3


def test_it_tells_how_many_unseen_words_are_right(copied):
    right = re.search(r"^unseen words +(\d+) of 500, (\d+\.\d)% exact$", copied, re.M)
    assert int(right[1]) / 5 == pytest.approx(float(right[2]), abs=0.1)


def test_it_tries_the_words_that_are_named_and_draws_a_map_of_the_last(copied):
    assert re.search(r"^abcd +[a-z?]*", copied, re.M)
    *_, letters, first, second = copied.splitlines()
    assert letters == "    z z"
    assert first.startswith("  z ")
    assert second.startswith("  z ")
    assert set(first[4:]) <= set(" .:*#")


def test_a_seed_decides_everything():
    """The same seed gives the same words and losses; another gives others."""
    first, again, other = (
        run("translate", "--steps", 3, "--seed", seed, "ab", **ONE_THREAD) for seed in (1, 1, 2)
    )
    assert (first.stdout, first.stderr) == (again.stdout, again.stderr)
    assert first.stderr != other.stderr


@pytest.mark.parametrize("word", ["Caps", "", "two words", "é", "a" * 13])
def test_a_word_it_cannot_spell_is_refused(word):
    assert "A WORD is 1 to 12 letters from a to z" in refused(2, "translate", word)


def test_an_unwritten_exercise_is_borrowed_and_named():
    done = run("translate", "--steps", 1, "ab", tree="exercises", **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    borrowed = " ".join(done.stderr.partition("step 1")[0].split())
    assert "borrowed from the reference: one_hot" not in borrowed  # nothing imports it
    assert "multi_head_attention" in borrowed


def test_the_pictures_are_the_same_at_every_run(tmp_path):
    for folder in ("first", "second"):
        done = run("figures", "--out", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    for name in FIGURES:
        first, second = ((tmp_path / f / name).read_bytes() for f in ("first", "second"))
        assert first == second, name


def test_the_pictures_on_the_pages_are_those_that_are_drawn(tmp_path):
    """Compared as pictures: another build of a font library may place a grey dot elsewhere."""
    assert run("figures", "--out", tmp_path).returncode == 0
    for name in FIGURES:
        published = ROOT / "spec" / "figures" / name
        drawn, kept = (imread(io.BytesIO(p.read_bytes())) for p in (tmp_path / name, published))
        assert drawn.shape == kept.shape, name
        assert abs(drawn - kept).mean() < 0.01, f"{name}: `python -m reference figures` redraws it"
        assert published.stat().st_size < 100_000


def test_every_picture_is_shown_on_a_page():
    slugs = {
        "positions": "embedding/sinusoidal_encoding",
        "masks": "attention/masks",
        "attention": "attention/causal_attention",
        "scale": "attention/softmax_jacobian",
        "norms": "layers/layer_norm",
    }
    for name, slug in slugs.items():
        assert f"(../figures/{name}.png)" in kata(slug).page.read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    assert "file" in refused(2, "figures", "--out", tmp_path / "file")
