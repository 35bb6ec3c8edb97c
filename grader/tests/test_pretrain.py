"""A GPT is trained, stopped, resumed, trained by two, and asked to write."""

import io
import json
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.image import imread

from grader.syllabus import ROOT
from grader.tests.running import ONE_THREAD, command, environment, refused, run
from runs.metrics import noted

SMALL = ("--tokenizer", "bytes", "--batch", 2, "--text", ROOT / "CONTRIBUTING.md")
WRITTEN = {"config.json", "corpus.bin", "merges.txt", "run.json", "vocab.json"}
WRITTEN |= {"checkpoint.pt", "loss.png", "metrics.jsonl", "model.safetensors"}


def pretrain(folder: Path, *words, **options) -> subprocess.CompletedProcess:
    return run("pretrain", "--out", folder, *words, **ONE_THREAD, **options)


def losses(folder: Path) -> list[float]:
    return [record["loss"] for record in noted(folder)]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder in which a tiny GPT was trained for a moment, to the end."""
    folder = tmp_path_factory.mktemp("trained") / "gpt"
    done = pretrain(folder, *SMALL, "--steps", 6)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_bytes(done.stdout)
    (folder / "told.txt").write_text(done.stderr, "utf-8")
    return folder


def test_a_training_writes_all_that_others_need(trained):
    noted = {"printed.txt", "told.txt"}
    assert {path.name for path in trained.iterdir()} == WRITTEN | noted
    assert len(losses(trained)) == 6
    assert losses(trained)[-1] < losses(trained)[0] - 1
    height, width, _ = imread(io.BytesIO((trained / "loss.png").read_bytes())).shape
    assert min(height, width) > 300
    assert (trained / "model.safetensors").stat().st_mode & 0o444 == 0o444


def test_it_tells_how_it_goes_and_what_came_of_it(trained):
    told = (trained / "told.txt").read_text("utf-8")
    line = r"^step 2 of 6  loss \d\.\d{3}  held out \d\.\d{3}  [\d,]+ tokens/s  \d+:\d\d left$"
    assert re.search(line, told, re.M)
    printed = (trained / "printed.txt").read_text("utf-8")
    assert re.search(r"^loss +\d\.\d{4} nats a token, perplexity [\d.,]+$", printed, re.M)
    bits = r"^bits per byte +\d\.\d{3}; gzip \d\.\d{3}, counting 5-grams \d\.\d{3}$"
    assert re.search(bits, printed, re.M)


def test_a_run_that_was_stopped_ends_in_the_weights_of_one_that_was_not(trained, tmp_path):
    folder = tmp_path / "gpt"
    words = ("pretrain", "--out", folder, *SMALL, "--steps", 6)
    process = subprocess.Popen(
        command(words), env=environment(**ONE_THREAD), stderr=subprocess.PIPE, text=True
    )
    while not (folder / "metrics.jsonl").exists() or len(losses(folder)) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    step = int(re.search(r"^Stopped after step (\d+), and saved. To go on:$", told, re.M)[1])
    assert 2 <= step < 6
    assert told.rstrip().endswith(f"python -m reference pretrain --resume --out {folder}")
    assert pretrain(folder, "--resume").returncode == 0
    assert weights(folder) == weights(trained)
    assert losses(folder) == losses(trained)


def test_what_was_fused_gives_the_same_losses(trained, tmp_path):
    assert pretrain(tmp_path / "gpt", *SMALL, "--steps", 6, "--fused").returncode == 0
    assert losses(tmp_path / "gpt") == pytest.approx(losses(trained), abs=1e-4)


def test_accumulated_batches_are_one_batch(trained, tmp_path):
    words = (*SMALL, "--steps", 6, "--batch", 1, "--accumulate", 2)
    assert pretrain(tmp_path / "gpt", *words).returncode == 0
    assert losses(tmp_path / "gpt") == pytest.approx(losses(trained), abs=1e-4)


def together(*words, **options) -> subprocess.Popen:
    """Start two processes that train together, as torchrun does."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    words = [*torchrun, "--standalone", "-m", "reference", "pretrain", *map(str, words)]
    env = environment(**ONE_THREAD)
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True, **options)


def test_two_processes_reach_the_losses_of_one(trained, tmp_path):
    folder = tmp_path / "gpt"
    process = together("--out", folder, *SMALL, "--steps", 6, "--batch", 1)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert losses(folder) == pytest.approx(losses(trained), abs=1e-4)
    assert told.count("step 6 of 6") == 1


def test_the_group_of_a_killed_process_says_so_and_can_go_on(tmp_path):
    folder = tmp_path / "gpt"
    words = ("--out", folder, *SMALL, "--steps", 100, "--batch", 1)
    process = together(*words)
    while not (folder / "metrics.jsonl").exists() or len(losses(folder)) < 12:
        assert process.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    subprocess.run(["kill", "-9", children[-1]], check=True)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(r"Step 1\d is the last: start as many again, with --resume.$", told, re.M)
    assert json.loads((folder / "run.json").read_text("utf-8"))["processes"] == 2
    assert "is a run of 2 processes" in refused(1, "pretrain", "--resume", "--out", folder)


def test_an_unwritten_exercise_is_borrowed_and_named(tmp_path):
    done = pretrain(tmp_path / "gpt", *SMALL, "--steps", 1, tree="exercises")
    assert done.returncode == 0, done.stderr
    borrowed = " ".join(done.stderr.partition("step 1")[0].split())
    assert "transformer_block" in borrowed
    assert "beam_search" not in borrowed


def test_a_model_writes_on_and_a_seed_decides_what(trained):
    words = ("generate", "--weights", trained, "--prompt", "The kata ", "--tokens", 30)
    first, again, other = (run(*words, "--seed", seed, **ONE_THREAD) for seed in (1, 1, 2))
    assert first.stdout.startswith(b"The kata ")
    assert first.stdout == again.stdout != other.stdout
    assert len(first.stdout.decode("utf-8")) > 9


def test_temperature_zero_and_the_likeliest_token_alone_are_one(trained):
    words = ("generate", "--weights", trained, "--tokens", 20)
    rules = (("--temperature", 0), ("--top-k", 1), ("--top-p", 0))
    written = {run(*words, *rule, **ONE_THREAD).stdout for rule in rules}
    assert len(written) == 1


def test_a_model_is_measured_on_a_text(trained):
    done = run("evaluate", "--weights", trained, "--text", ROOT / "README.md", **ONE_THREAD)
    size = len((ROOT / "README.md").read_bytes())
    assert f"text             {size - 1:,} bytes, {size - 1:,} tokens" in done.stdout.decode()
    assert re.search(rb"^bits per byte +\d\.\d{3}; gzip \d\.\d{3}$", done.stdout, re.M)


def test_half_a_character_waits_for_the_other_half():
    from runs.writing import as_text

    vocab = {byte: bytes([byte]) for byte in range(256)}
    given = "aé€😀".encode() + b"\xe2\x82"
    parts = list(as_text(given, vocab))
    assert parts == ["a", "é", "€", "😀", "\ufffd"]


def test_yardsticks_are_right_where_they_can_be_counted():
    from runs.yardsticks import counting_bits, gzip_bits

    assert counting_bits(b"", b"ab") == 8
    assert counting_bits(b"a", b"a") == pytest.approx(1.0, abs=0.01)  # seen once, one kind: half
    repeated = [counting_bits(b"abcab" * n, b"abcab" * 20) for n in (1, 10, 100)]
    assert all(later < earlier for earlier, later in pairwise(repeated))
    assert gzip_bits(b"a" * 10_000) < 0.1
