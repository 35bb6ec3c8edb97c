"""A GPT is tuned to answer, to classify and to prefer, and answers line by line."""

import io
import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import click
import pytest
from matplotlib.image import imread
from safetensors.torch import load_file

from grader.tests.running import ONE_THREAD, command, environment, run, tune
from grader.tests.test_pretrain_bad_input import change
from runs import sentences, spelling
from runs.duels import duels_of, other_output
from runs.examples import Example

WRITTEN = {"config.json", "merges.txt", "vocab.json", "model.safetensors"}
WRITTEN |= {"loss.png", "metrics.jsonl", "tuning.json"}


def losses(printed: str) -> tuple[float, float]:
    before, after = re.search(r"^loss +before +(\S+), after +(\S+) nats", printed, re.M).groups()
    return float(before), float(after)


def test_tuning_writes_a_model_that_others_read_and_how_it_came_to_it(tuned):
    assert {path.name for path in tuned.iterdir()} == WRITTEN | {"printed", "told"}
    records = [json.loads(line) for line in (tuned / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [*range(1, 13)]
    assert records[-1]["held_out"] < records[0]["held_out"]
    assert min(imread(io.BytesIO((tuned / "loss.png").read_bytes())).shape[:2]) > 300
    assert json.loads((tuned / "tuning.json").read_text("utf-8"))["steps"] == 12


def test_it_tells_loss_exact_answers_and_samples_before_and_after(tuned):
    printed = (tuned / "printed").read_text("utf-8")
    before, after = losses(printed)
    assert after < before - 2
    assert re.search(r"^trained +(\S+) of \1 numbers, 100\.0%$", printed, re.M)
    assert re.search(r"^exact answers +before +\d+\.\d%, after +\d+\.\d%, of \d+$", printed, re.M)
    assert re.search(r"^  (fog|silk) +before +\d+\.\d%, after", printed, re.M)
    assert re.search(r"^Which number has .*\?\n  before  .*\n  after   ", printed, re.M)
    assert max(map(len, printed.splitlines())) <= 80 + len(str(tuned))
    assert "step 12 of 12" in (tuned / "told").read_text("utf-8")


def test_the_same_command_tunes_to_the_same_weights(tmp_path, tiny, colours, tuned):
    tune("finetune", tiny, tmp_path / "gpt", "--data", colours, "--steps", 12, "--batch", 4)
    again = (tmp_path / "gpt" / "model.safetensors").read_bytes()
    assert again == (tuned / "model.safetensors").read_bytes()


def test_with_adapters_few_numbers_learn_and_the_rest_stays(tmp_path, tiny, colours):
    folder = tmp_path / "gpt"
    words = ("--data", colours, "--steps", 12, "--batch", 4, "--lora", 4)
    printed = tune("finetune", tiny, folder, *words).stdout.decode()
    share = float(re.search(r"^trained .* numbers, (\S+)%$", printed, re.M)[1])
    assert share < 5
    before, after = losses(printed)
    assert after < before
    old, new = (load_file(f / "model.safetensors") for f in (tiny, folder))
    moved = {name for name in old if not old[name].equal(new[name])}
    assert moved
    assert all(re.search(r"attn\.c_(attn|proj)\.weight|mlp\.c_\w+\.weight", n) for n in moved)


@pytest.fixture(scope="module")
def judge(tmp_path_factory, tiny) -> Path:
    """A folder in which a tiny GPT learned for a moment to tell sentences apart."""
    folder = tmp_path_factory.mktemp("judge") / "gpt"
    done = tune("finetune", tiny, folder, "--classify", "--lr", "2e-3")
    (folder / "printed").write_bytes(done.stdout)
    return folder


def test_a_classifier_learns_and_labels_lines(judge):
    printed = (judge / "printed").read_text("utf-8")
    before, after = re.search(
        r"^right labels +before +(\S+)%, after +(\S+)%", printed, re.M
    ).groups()
    assert float(before) < 60
    assert float(after) > 70
    rows = json.loads((judge / "data.json").read_text("utf-8"))
    assert rows == sentences.rows(0)
    texts = "".join(row["text"] + "\n" for row in rows[:20])
    done = run("chat", "--weights", judge, given=texts, **ONE_THREAD)
    found = [line.split() for line in done.stdout.decode().splitlines()]
    right = sum(label == row["label"] for (label, _), row in zip(found, rows[:20], strict=True))
    assert right > 12
    assert all(re.fullmatch(r"\d+\.\d%", share) for _, share in found)


def test_a_preference_widens_the_margin(tmp_path, tuned, colours):
    words = ("--data", colours, "--steps", 8, "--batch", 4, "--lr", "1e-3")
    printed = tune("prefer", tuned, tmp_path / "gpt", *words).stdout.decode()
    before, after = re.search(r"^margin +before +(\S+), after +(\S+)$", printed, re.M).groups()
    assert float(after) > float(before) + 1
    before, after = re.search(r"^DPO's loss +before +(\S+), after +(\S+)$", printed, re.M).groups()
    assert before == "0.6931"
    assert float(after) < 0.69
    assert "exact answers" in printed


def test_without_weights_the_tiny_model_is_trained_to_its_end_and_then_taken(
    tmp_path, tiny, colours
):
    shutil.copytree(tiny, tmp_path / "gpt-tiny")
    change(tmp_path / "gpt-tiny" / "run.json", steps=5)
    for out, told in (("a", "`pretrain` makes gpt-tiny first"), ("b", "which `pretrain` made")):
        words = command(["finetune", "--data", colours, "--steps", 1, "--out", out])
        options = {"cwd": tmp_path, "env": environment(**ONE_THREAD), "capture_output": True}
        done = subprocess.run(words, text=True, timeout=120, **options)
        assert done.returncode == 0, done.stderr
        assert told in done.stderr
        assert (tmp_path / out / "model.safetensors").exists()
    lines = (tmp_path / "gpt-tiny" / "metrics.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 5


def test_the_worse_response_is_another_rows_of_the_same_task():
    rows = [("a", "1"), ("b", "2"), ("a", "1"), ("a", "3"), ("c", "1")]
    made = [Example([], 0, f"row {i}", {"task": t, "output": o}) for i, (t, o) in enumerate(rows)]
    assert other_output("data", made[0], made[1:]) == "3"
    assert other_output("data", made[1], made[2:]) == "1"
    assert other_output("data", made[4], made[:4]) == "2"
    with pytest.raises(click.ClickException, match="row 0: no other row has another output"):
        other_output("data", made[0], [made[2], made[4]])
    same = made[1]._replace(fields={"output": "2", "rejected": "2"})
    with pytest.raises(click.ClickException, match="row 1: 'rejected' is the same as 'output'"):
        duels_of(None, "data", [same], None)


def test_an_interrupted_tuning_is_saved(tmp_path, tiny):
    folder = tmp_path / "gpt"
    words = ("finetune", "--weights", tiny, "--out", folder, "--classify", "--steps", 100_000)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command(words), env=environment(**ONE_THREAD), **options) as process:
        started = time.monotonic()
        while not (steps := folder / "metrics.jsonl").exists() or not steps.read_text("utf-8"):
            assert process.poll() is None
            assert time.monotonic() < started + 90
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(
        r"^Stopped after step \d+, and saved to .*, which --weights can name\.$", told, re.M
    )
    assert run("chat", "--weights", folder, given="did it\n", **ONE_THREAD).returncode == 0


def test_its_own_pairs_are_right_and_cover_every_task():
    rows = spelling.pairs(0)
    assert rows == spelling.pairs(0) != spelling.pairs(1)
    assert json.loads(spelling.written(rows)) == rows
    for row in rows:
        word = re.search(r"\b(\w(?:-\w)+)\b", row["instruction"])[1].replace("-", "")
        assert spelling.TASKS[row["task"]][1](word) == row["output"]
    assert {row["task"] for row in rows} == {*spelling.TASKS}
    labels = [row["label"] for row in sentences.rows(0)]
    assert {labels.count(label) for label in labels} == {sentences.EACH}
