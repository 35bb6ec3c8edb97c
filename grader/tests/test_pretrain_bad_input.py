"""What is said, and what is kept, where a training or a model cannot go on."""

import json
import shutil
from pathlib import Path

import pytest

from grader.syllabus import ROOT
from grader.tests.running import refused, run
from grader.tests.test_bad_input import mounted
from grader.tests.test_pretrain import ONE_THREAD, SMALL, losses, pretrain, weights


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Path:
    """A folder in which a tiny GPT was trained for two steps."""
    folder = tmp_path_factory.mktemp("short") / "gpt"
    assert pretrain(folder, *SMALL, "--steps", 2).returncode == 0
    return folder


@pytest.fixture
def copy(short, tmp_path) -> Path:
    """The same folder, to be damaged."""
    return shutil.copytree(short, tmp_path / "gpt")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change(path: Path, **changed) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changed), "utf-8")


def refused_to_train(status: int, folder: Path, *words) -> str:
    return refused(status, "pretrain", "--out", folder, *words, **ONE_THREAD)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "is empty: name a file with text."),
        (b"too short", "has 10 tokens, and a context of 128 needs 258"),
        (b"\xff" * 1000, "is not UTF-8 at byte 0"),
    ],
)
def test_a_text_that_cannot_be_learned_from_leaves_nothing_behind(tmp_path, text, told):
    (tmp_path / "text").write_bytes(text)
    words = ("--tokenizer", "bytes", "--text", tmp_path / "text")
    assert told in refused_to_train(1, tmp_path / "gpt", *words)
    assert not (tmp_path / "gpt" / "run.json").exists()
    assert pretrain(tmp_path / "gpt", *SMALL, "--steps", 1).returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tokenizer", "gtp2"), "--tokenizer is a number of tokens, gpt2, bytes or a folder"),
        (("--tokenizer", "100"), "--tokenizer must be at least 257 tokens, got 100."),
        (("--steps", "0"), "Invalid value for '--steps'"),
        (("--resume", "--steps", "5"), "--resume goes on as the run was told"),
    ],
)
def test_words_that_make_no_sense_are_refused(tmp_path, words, told):
    assert told in refused_to_train(2, tmp_path / "gpt", *words)
    assert not (tmp_path / "gpt" / "run.json").exists()


def test_a_folder_takes_one_run(short):
    before = weights(short)
    told = refused_to_train(1, short, *SMALL, "--steps", 1)
    assert "holds a run already: --resume goes on with it; or name another --out." in told
    assert weights(short) == before


def test_there_must_be_something_to_resume(tmp_path):
    told = refused_to_train(1, tmp_path, "--resume")
    assert "holds no run to resume (no run.json)" in told


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: halve(f / "checkpoint.pt"), "checkpoint.pt does not fit this run"),
        (lambda f: halve(f / "corpus.bin"), "corpus.bin does not hold the"),
        (lambda f: halve(f / "run.json"), "run.json is not what a run writes"),
        (lambda f: halve(f / "vocab.json"), "vocab.json is not whole JSON"),
        (lambda f: change(f / "run.json", size="small"), "does not fit this run (weights lack"),
    ],
)
def test_what_is_cut_or_of_another_size_is_not_resumed(copy, damage, told):
    change(copy / "run.json", steps=4)
    damage(copy)
    before = weights(copy)
    assert told in refused_to_train(1, copy, "--resume")
    assert weights(copy) == before


def test_a_run_whose_metrics_were_cut_goes_on(copy):
    change(copy / "run.json", steps=4)
    (copy / "metrics.jsonl").write_bytes((copy / "metrics.jsonl").read_bytes()[:-20])
    assert pretrain(copy, "--resume").returncode == 0
    assert len(losses(copy)) == 3  # the second line was not whole


def test_a_loss_that_is_no_number_stops_the_training_and_keeps_the_last_good_step(tmp_path):
    folder = tmp_path / "gpt"
    told = refused_after_steps(folder, *SMALL, "--steps", 30, "--lr", "1e30")
    assert "is saved. Train anew with a lower --lr." in told
    step = int(told.partition("Stopped at step ")[2].partition(":")[0])
    assert len(losses(folder)) == step - 1
    assert (folder / "checkpoint.pt").exists()


def refused_after_steps(folder: Path, *words) -> str:
    done = pretrain(folder, *words)
    assert done.returncode == 1, done.stderr
    return done.stderr.rstrip().splitlines()[-1]


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    with mounted(tmp_path / "disc", "size=24m") as disc:
        folder = disc / "gpt"
        assert pretrain(folder, *SMALL, "--steps", 2).returncode == 0
        change(folder / "run.json", steps=6)
        before = (folder / "checkpoint.pt").read_bytes()
        (disc / "filler").write_bytes(b"x" * (8 << 20))
        told = refused_after_steps(folder, "--resume")
        assert "could not be saved" in told
        assert "step 2 is: make room, and --resume from there." in told
        assert (folder / "checkpoint.pt").read_bytes() == before
        (disc / "filler").unlink()
        assert pretrain(folder, "--resume").returncode == 0
        assert len(losses(folder)) == 6


@pytest.mark.parametrize("verb", ["generate", "evaluate"])
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: halve(f / "model.safetensors"), "model.safetensors does not fit config.json"),
        (lambda f: halve(f / "config.json"), "config.json is not the shape of a GPT ("),
        (lambda f: change(f / "config.json", n_embd=64), "does not fit config.json (tok.weight"),
        (lambda f: change(f / "config.json", n_layer=5), "does not fit config.json (weights lack"),
        (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
        (lambda f: (f / "config.json").unlink(), "holds no config.json"),
        (lambda f: (f / "merges.txt").unlink(), "holds no merges.txt"),
    ],
)
def test_weights_that_are_not_whole_are_refused(copy, damage, told, verb):
    damage(copy)
    more = ("--text", ROOT / "README.md") if verb == "evaluate" else ()
    assert told in refused(1, verb, "--weights", copy, *more)


def test_a_vocabulary_of_another_size_is_refused(copy):
    train = ("tokenizer", "train", ROOT / "CONTRIBUTING.md", "--vocab-size", 300, "--out", copy)
    assert run(*train).returncode == 0
    told = refused(1, "generate", "--weights", copy)
    assert "holds a vocabulary of 300 tokens, and the weights are for 257" in told


def test_a_prompt_of_unknown_bytes_is_refused(short):
    told = refused(
        2, "generate", "--weights", short, "--prompt", b"\xff".decode("utf-8", "surrogateescape")
    )
    assert "is not UTF-8" in told


def test_a_text_of_one_token_has_no_loss(short, tmp_path):
    (tmp_path / "text").write_text("a", "utf-8")
    told = refused(1, "evaluate", "--weights", short, "--text", tmp_path / "text")
    assert "has 1 tokens: a loss needs two or more." in told
