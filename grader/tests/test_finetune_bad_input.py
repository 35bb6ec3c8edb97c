"""What is said, and what is kept, where a model cannot be tuned."""

import json
import shutil
from pathlib import Path

import pytest

from grader.tests.running import ONE_THREAD, refused, run
from grader.tests.test_bad_input import mounted
from grader.tests.test_pretrain_bad_input import change, halve

PAIR = {"instruction": "Say yes.", "output": "Yes."}
PAIRS = [{"instruction": f"Say {i}.", "output": str(i)} for i in range(40)]


@pytest.fixture
def data(tmp_path):
    """Write rows to a file, and name it."""

    def write(rows) -> Path:
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(rows), "utf-8")
        return path

    return write


def refused_to_tune(status: int, weights: Path, folder: Path, *words) -> str:
    told = refused(status, "finetune", "--weights", weights, "--out", folder, *words, **ONE_THREAD)
    assert not (folder / "model.safetensors").exists()
    return told


def test_a_pair_longer_than_the_context_is_named(tmp_path, tiny, data):
    long = {"instruction": "Say it.", "output": "word " * 100}
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--data", data([PAIR, long]))
    assert "row 2: longer than the 128 tokens that the model reads" in told
    assert not (tmp_path / "gpt").exists()
    long = {"text": "word " * 200, "label": "b"}
    words = "--classify", "--data", data([{"text": "short", "label": "a"}, long])
    assert "row 2: " in (told := refused_to_tune(1, tiny, tmp_path / "gpt", *words))
    assert "tokens, and the model reads 128. Shorten it" in told


def test_a_response_that_merges_with_its_prompt_is_named(tmp_path, tiny, data):
    merging = {"instruction": "Say it.", "output": "\n\nYes."}
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--data", data([PAIR, merging]))
    assert "row 2: output must not merge with the prompt" in told


def test_duplicates_are_named_and_only_the_first_is_learned(tmp_path, tiny, data):
    again = {**PAIRS[0], "output": "Zero."}
    words = ("--data", data([*PAIRS, again]), "--steps", 1, "--out", tmp_path / "gpt")
    done = run("finetune", "--weights", tiny, *words, **ONE_THREAD)
    assert done.returncode == 0
    assert "row 41: the same instruction and input as in row 1; only that one" in done.stderr


def test_one_class_and_contradictions_are_named(tmp_path, tiny, data):
    rows = [{"text": f"text {i}", "label": "a"} for i in range(30)]
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--classify", "--data", data(rows))
    assert "has only the label 'a': two or more are to be told apart" in told
    rows += [{"text": "text 3", "label": "b"}]
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--classify", "--data", data(rows))
    assert "row 31: the same text as in row 4, with another label" in told


def test_too_few_rows_to_hold_some_out_are_refused(tmp_path, tiny, data):
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--data", data([PAIR]))
    assert "has 1 rows that differ" in told
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(2)]
    assert "add some" in refused_to_tune(
        1, tiny, tmp_path / "gpt", "--classify", "--data", data(rows)
    )


def test_rows_of_the_other_kind_are_told_apart(tmp_path, tiny, data):
    told = refused_to_tune(1, tiny, tmp_path / "gpt", "--classify", "--data", data(PAIRS))
    assert "row 1: the field 'text' is missing; it has 'instruction', 'output'" in told


def test_a_folder_that_holds_a_model_is_not_written_to(tiny, tuned):
    before = (tuned / "model.safetensors").read_bytes()
    for verb in ("finetune", "prefer"):
        told = refused(1, verb, "--weights", tiny, "--out", tuned, **ONE_THREAD)
        assert "holds a model already: name another --out, or remove it." in told
    assert (tuned / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: change(f / "config.json", n_embd=64), "does not fit config.json"),
        (lambda f: change(f / "config.json", n_layer=3), "does not fit config.json"),
        (lambda f: halve(f / "model.safetensors"), "does not fit config.json"),
        (lambda f: halve(f / "vocab.json"), "is not whole JSON"),
        (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors"),
        (lambda f: [(f / n).unlink() for n in ("vocab.json", "merges.txt")], "50,257 tokens"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, tiny, damage, told):
    copy = shutil.copytree(tiny, tmp_path / "copy")
    damage(copy)
    assert told in refused_to_tune(1, copy, tmp_path / "gpt")
    assert not (tmp_path / "gpt").exists()
    assert told in refused(1, "chat", "--weights", copy, given="Yes?", **ONE_THREAD)


def test_a_model_without_an_end_of_text_is_refused(tmp_path, tiny):
    (words := tmp_path / "words").mkdir()
    vocab = json.loads((tiny / "vocab.json").read_text("utf-8"))
    assert vocab.pop("<|endoftext|>") == len(vocab)
    (words / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    shutil.copy(tiny / "merges.txt", words)
    told = ("--tokenizer", words, "--steps", 1, "--batch", 1, "--out", tmp_path / "endless")
    assert run("pretrain", *told, **ONE_THREAD).returncode == 0
    told = refused_to_tune(1, tmp_path / "endless", tmp_path / "gpt")
    assert "has no token that ends a text, and an answer must end" in told


def test_a_full_disk_is_said_in_a_sentence(tmp_path, tiny):
    words = ("--classify", "--steps", 2)
    with mounted(tmp_path / "disk", "size=1m") as disk:
        told = refused_to_tune(1, tiny, disk / "gpt", *words)
        assert "could not be saved" in told
        assert "make room, and tune again." in told


def test_prefer_without_rows_or_without_a_choice_is_refused(tmp_path, tuned, data):
    words = ("prefer", "--weights", tuned, "--out", tmp_path / "gpt")
    assert "holds no data.json: name rows with --data." in refused(2, *words, **ONE_THREAD)
    rows = [{"instruction": f"Say {i}.", "output": "Yes."} for i in range(40)]
    told = refused(1, *words, "--data", data(rows), **ONE_THREAD)
    assert "no other row has another output to prefer this one to" in told


def test_a_classifier_that_lost_a_file_is_refused(tmp_path, tiny):
    (copy := shutil.copytree(tiny, tmp_path / "copy")).joinpath("labels.json").write_text("{}")
    told = refused(1, "chat", "--weights", copy, given="Yes?", **ONE_THREAD)
    assert "labels.json does not fit classifier.safetensors" in told
    (copy / "labels.json").write_text('{"labels": ["a", "b"], "max_length": 3}')
    told = refused(1, "chat", "--weights", copy, given="Yes?", **ONE_THREAD)
    assert "holds no classifier.safetensors" in told
