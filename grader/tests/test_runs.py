"""What a tree can be run for: what is printed and written, and what is said of bad input."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import runs.fetch
from grader.data import the_verdict
from grader.tests.running import Terminal, command, environment, refused, run
from runs.vocabulary import load, spelled

OPENING = (
    "I HAD always thought Jack Gisburn rather a cheap genius--though a good fellow enough--so it "
    "was no great surprise to me to hear that, in"
)
TEA = "Hello, do you like tea? <|endoftext|> In the sunlit terracesof someunknownPlace."
TEA_IDS = (
    "15496 11 466 345 588 8887 30 220 50256 554 262 4252 18250 8812 2114 1659 617 34680 27271 13"
)
COLOUR = "\x1b[30;46m"


@pytest.fixture
def story(tmp_path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text(OPENING, "utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A vocabulary of 300, which nobody may change."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text").write_text(f"{OPENING}\n{OPENING}\n", "utf-8")
    done = run("tokenizer", "train", folder / "text", "--vocab-size", 300, "--out", folder / "v")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[:2] == [
        "characters       274",
        "vocabulary       300: 256 bytes, 43 merges, 1 special token",
    ]
    return folder / "v"


@pytest.fixture
def vocabulary(trained, tmp_path) -> Path:
    """A vocabulary of 300, to break."""
    return Path(shutil.copytree(trained, tmp_path / "v"))


def test_help_is_there_for_both_trees_and_loads_neither_torch_nor_rich():
    for tree in ("reference", "exercises"):
        code = (
            f"import runpy, sys; sys.argv[1:] = ['--help']\n"
            f"try: runpy.run_module('{tree}', run_name='__main__')\n"
            f"except SystemExit as end: assert not end.code\n"
            f"assert not {{'torch', 'rich', 'regex'}} & {{*sys.modules}}"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment())
        assert done.returncode == 0, done.stderr.decode()
        assert b"tokenizer" in done.stdout


def test_no_verb_is_a_usage_error():
    assert run().returncode == run("tokenizer").returncode == 2


def test_a_trained_vocabulary_is_in_the_published_format(trained):
    ids = json.loads((trained / "vocab.json").read_text("utf-8"))
    first, *merges = (trained / "merges.txt").read_text("utf-8").splitlines()
    assert sorted(ids.values()) == list(range(300))
    assert (ids["!"], ids["\u0120"], ids["<|endoftext|>"]) == (33, 32, 299)
    assert first.startswith("#version")
    assert [ids[line.replace(" ", "")] for line in merges] == list(range(256, 299))


def test_training_into_the_same_folder_replaces_the_vocabulary_alone(vocabulary, story):
    (vocabulary / "notes").write_text("mine", "utf-8")
    words = ("tokenizer", "train", story, story, "--vocab-size", 260, "--out", vocabulary)
    done = run(*words, "--special", "<|a|>", "--special", "##", "--special", "##")
    assert done.returncode == 0
    assert sorted(p.name for p in vocabulary.iterdir()) == ["merges.txt", "notes", "vocab.json"]
    text = "x##<|a|>y"
    ids = run("tokenizer", "encode", text, "--dir", vocabulary).stdout
    assert ids == b"120 259 258 121\n"
    assert run("tokenizer", "decode", "--dir", vocabulary, given=ids).stdout == text.encode()


def test_a_short_text_gives_fewer_tokens_than_asked_for_and_says_so(tmp_path, story):
    story.write_text("aaaa", "utf-8")
    words = (
        "tokenizer",
        "train",
        story,
        "--vocab-size",
        1000,
        "--special",
        "",
        "--out",
        tmp_path / "v",
    )
    done = run(*words)
    assert done.returncode == 0
    assert "258: 256 bytes, 2 merges, 0 special tokens" in done.stdout.decode()
    assert "no more pairs" in done.stderr


def test_ids_are_gpt2s_and_decode_reads_them_back(tmp_path):
    assert run("tokenizer", "encode", TEA, "--gpt2").stdout.decode() == TEA_IDS + "\n"
    assert run("tokenizer", "decode", "--gpt2", *TEA_IDS.split()).stdout.decode() == TEA


def test_the_whole_story_has_5145_ids(tmp_path):
    text = the_verdict()
    if text is None:
        pytest.skip("The Verdict is not here: `python -m reference fetch`")
    (tmp_path / "story").write_bytes(text.encode())
    ids = run("tokenizer", "encode", "--file", tmp_path / "story", "--gpt2").stdout.split()
    assert len(ids) == 5145
    assert ids[50:55] == b"290 4920 2241 287 257".split()


def test_a_file_and_a_pipe_are_encoded_as_a_stream_and_read_back(tmp_path, vocabulary):
    text = "two\r\nlines\n\n\n and \N{UPSIDE-DOWN FACE} <|endoftext|>\tna\u00efve \u2028" * 4000
    (tmp_path / "long").write_bytes(text.encode())
    ids = run("tokenizer", "encode", "--file", tmp_path / "long", "--dir", vocabulary).stdout
    assert run("tokenizer", "encode", "--dir", vocabulary, given=text).stdout == ids
    assert len(ids.splitlines()) > 4000
    assert run("tokenizer", "decode", "--dir", vocabulary, given=ids).stdout == text.encode()


def test_nothing_is_encoded_as_nothing(vocabulary):
    for verb in ("encode", "decode"):
        done = run("tokenizer", verb, "--dir", vocabulary)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", "")


def test_half_a_character_is_written_as_valid_utf8(vocabulary):
    done = run("tokenizer", "decode", "--dir", vocabulary, 240, 159, 65, *[128] * 2000)
    assert done.stdout.decode() == "\ufffdA" + "\ufffd" * 2000


def test_windows_are_those_of_the_course_notes(story):
    shown = run("windows", story).stdout.decode()
    assert "[40, 367, 2885, 1464] ----> 1807" in shown
    assert "'I HAD' ----> ' always'" in shown
    assert "Inputs:\n tensor([[   40,   367,  2885,  1464],\n" in shown
    assert "        [  284,  3285,   326,    11]])" in shown
    assert "Targets:\n tensor([[  367,  2885,  1464,  1807],\n" in shown
    assert "        [ 3285,   326,    11,   287]])" in shown
    assert " ' to hear that,'                       ' hear that, in'" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_windows_follow_their_options(story, vocabulary):
    words = ("--context", 12, "--stride", 1, "--batch", 2, "--dir", vocabulary)
    shown = run("windows", story, *words).stdout.decode()
    assert "and so on, 12 predictions in all" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("tokenizer train absent --vocab-size 300 --out {new}", "'absent' does not exist"),
        ("tokenizer train {folder} --vocab-size 300 --out {new}", "is a directory"),
        ("tokenizer train {story} --out {new}", "Missing option '--vocab-size'"),
        ("tokenizer train {story} --vocab-size 300 --out {story}", "is a file"),
        (
            "tokenizer train {story} --vocab-size 256 --out {new}",
            "--vocab-size must be at least 257 (256 bytes and 1 special token), got 256",
        ),
        ("tokenizer train {story} --vocab-size 300 --out {new} --special x", "a token already"),
        (
            "tokenizer train {story} --vocab-size 300 --out {new} --special a\u2003b",
            "no white space",
        ),
        ("tokenizer train {story} --vocab-size 300 --out {new} --special <\udcff>", "not UTF-8"),
        ("tokenizer encode caf\udce9 --gpt2", "the character at 3 (counted from 0) is not UTF-8"),
        ("tokenizer encode x", "--gpt2, or --dir DIR"),
        ("tokenizer encode x --gpt2 --dir {folder}", "--gpt2, or --dir DIR"),
        ("tokenizer encode x --file {story} --gpt2", "not both"),
        ("tokenizer encode x --dir absent", "'absent' does not exist"),
        ("tokenizer encode x --dir {story}", "is a file"),
        ("tokenizer encode --file {folder} --gpt2", "is a directory"),
        ("tokenizer decode 65", "--gpt2, or --dir DIR"),
        ("windows absent", "'absent' does not exist"),
        ("windows {story} --context 0", "0 is not in the range"),
        ("windows {story} --gpt2 --dir {folder}", "--gpt2, or --dir DIR"),
    ],
)
def test_a_command_that_means_nothing(tmp_path, story, words, told):
    places = {"story": story, "new": tmp_path / "new", "folder": tmp_path}
    assert told in refused(2, *(word.format(**places) for word in words.split(" ")))
    assert not (tmp_path / "new").exists()


def test_text_that_cannot_be_used(tmp_path, vocabulary):
    bad, empty, few = (tmp_path / name for name in ("bad", "empty", "few"))
    bad.write_bytes(b"a" * 70_000 + "\u20ac".encode()[:2])
    empty.touch()
    few.write_text("Hello, I am", "utf-8")
    train = ("tokenizer", "train", "--vocab-size", 300, "--out", tmp_path / "new")
    assert "is empty" in refused(1, *train, few, empty)
    where = "bad is not UTF-8 at byte 70000 (counted from 0)"
    assert where in refused(1, *train, bad)
    assert where in refused(1, "tokenizer", "encode", "--file", bad, "--dir", vocabulary)
    assert "Standard input is not UTF-8 at byte 3" in refused(
        1, "tokenizer", "encode", "--dir", vocabulary, given=b"abc\xff"
    )
    assert "few has 4 ids, and a window needs 5" in refused(1, "windows", few)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["1", "two"], "'two' is not an id"),
        (["1.5"], "'1.5' is not an id"),
        (["\u0661"], "is not an id"),
        (["9" * 5000], "is not an id"),
        (["299", "300"], "300 is outside the vocabulary, whose ids go from 0 to 299"),
    ],
)
def test_ids_that_are_none(vocabulary, words, told):
    assert told in refused(1, "tokenizer", "decode", "--dir", vocabulary, *words)
    assert told in refused(1, "tokenizer", "decode", "--dir", vocabulary, given="\n".join(words))


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def shortened(path: Path) -> None:
    """Drop the last lines: what is left is well formed."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]), "utf-8")


def twice(path: Path) -> str:
    first, *lines = path.read_text("utf-8").splitlines(keepends=True)
    return "".join([first, *lines, *lines])


def without_its_count(path: Path) -> None:
    shortened(path)
    _, *lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(["#version: 0.2\n", *lines]), "utf-8")


def replaced(old: str, new: str):
    return lambda path: path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("vocab.json", Path.unlink, "holds no vocab.json"),
        ("merges.txt", Path.unlink, "holds no merges.txt"),
        ("vocab.json", halved, "vocab.json is not whole JSON"),
        ("vocab.json", lambda path: path.write_text("[]", "utf-8"), "does not give every token"),
        ("vocab.json", lambda path: path.write_bytes(b'{"\xff": 0}'), "is not UTF-8 at byte 2"),
        ("vocab.json", lambda path: path.write_text("[" * 100_000, "utf-8"), "is not whole JSON"),
        ("vocab.json", replaced('"!": 33', '"!": 32'), "does not give every token"),
        ("vocab.json", replaced('"!": 33', '"!": true'), "does not give every token"),
        ("vocab.json", replaced('"!": 33', '" ": 33'), "' ' stands for no byte"),
        ("vocab.json", replaced('"!": 33', '"": 33'), "has an empty token"),
        ("vocab.json", replaced('"!": 33', '"!!": 33'), "has no token b'!'"),
        ("merges.txt", halved, "merges.txt has"),
        ("merges.txt", shortened, "merges, which do not make up vocab.json"),
        ("merges.txt", without_its_count, "merges, which do not make up vocab.json"),
        ("merges.txt", lambda path: path.write_text("", "utf-8"), "#version"),
        ("merges.txt", replaced("\n", " x\n"), "a line that is not two tokens"),
        ("merges.txt", replaced("merges\n", "merges\nz z\n"), "has no token b'zz'"),
        ("merges.txt", replaced("merges\n", "merges\nzz z\n"), "out of its place"),
        ("merges.txt", lambda path: path.write_text(twice(path), "utf-8"), "out of its place"),
    ],
)
def test_a_vocabulary_that_is_not_whole(vocabulary, name, damage, told):
    damage(vocabulary / name)
    said = refused(1, "tokenizer", "encode", "x", "--dir", vocabulary)
    assert told in said
    assert said.endswith("copy both files again, or train anew.")


def test_a_file_with_the_line_ends_of_windows_is_whole(vocabulary):
    path = vocabulary / "merges.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert run("tokenizer", "encode", "x", "--dir", vocabulary).stdout == b"120\n"


def test_lost_merges_are_noticed_even_where_no_count_is_given(tmp_path):
    printable = {byte: chr(256 + byte) for byte in range(256)}
    tokens = [*(bytes([b]) for b in range(256)), b"ab", b"abc", b"<|end|>"]
    vocab, merges = dict(enumerate(tokens)), [(b"a", b"b"), (b"ab", b"c")]
    for name, content in spelled(vocab, merges, printable).items():
        (tmp_path / name).write_text(content.replace(" - 2 merges", ""), "utf-8")
    files = tmp_path / "vocab.json", tmp_path / "merges.txt"
    assert load(*files, printable) == (vocab, merges, ["<|end|>"])
    first, second, _ = files[1].read_text("utf-8").splitlines()
    files[1].write_text(f"{first}\n{second}\n", "utf-8")
    with pytest.raises(click.ClickException, match="has 1 merges, which do not make up"):
        load(*files, printable)


def test_gpt2s_files_are_used_only_if_they_are_the_published_ones(tmp_path):
    words = ("tokenizer", "encode", "x", "--gpt2")
    told = refused(1, *words, TIKTOKEN_CACHE_DIR=str(tmp_path))
    assert "unset TIKTOKEN_CACHE_DIR, and the packaged one is taken" in told
    assert run(*words, TIKTOKEN_CACHE_DIR=None, KATA_HOME=str(tmp_path)).stdout == b"87\n"
    for path in (tmp_path / "tiktoken").iterdir():
        halved(path)
    assert run(*words, TIKTOKEN_CACHE_DIR=None, KATA_HOME=str(tmp_path)).stdout == b"87\n"


def test_output_that_nobody_reads_to_the_end_is_no_error(tmp_path, vocabulary):
    (tmp_path / "long").write_text("a line\n" * 50_000, "utf-8")
    words = command(["tokenizer", "encode", "--file", tmp_path / "long", "--dir", vocabulary])
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_said_in_a_sentence(vocabulary):
    for verb in ("encode", "decode"):
        words = command(["tokenizer", verb, "65", "--dir", vocabulary])
        with open("/dev/full", "w") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, env=environment())
        assert done.returncode == 1
        assert done.stderr == b"The system refused: No space left on device.\n"


def test_a_full_disk_leaves_neither_a_part_of_a_file_nor_a_folder(tmp_path, story):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k none {disk} && head -c 61440 /dev/zero > {disk}/filler"
    words = " ".join(command(["tokenizer train", story, "--vocab-size 300 --out", disk / "v"]))
    options = "-m" if os.geteuid() == 0 else "-rm"
    try:
        done = subprocess.run(
            ["unshare", options, "sh", "-c", f"{mount} || exit 77; {words}; echo $?; ls -A {disk}"],
            capture_output=True, env=environment(), text=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    assert done.stdout.split() == ["1", "filler"]
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_shows_pieces_in_colours_with_their_ids_beneath(vocabulary):
    terminal = Terminal("tokenizer", "encode", "zz\n\N{UPSIDE-DOWN FACE} z", "--dir", vocabulary)
    assert terminal.finish() == 0
    assert COLOUR in terminal.seen
    assert "9 tokens" in terminal.seen


def test_a_terminal_without_colour_shows_the_same_columns(vocabulary):
    terminal = Terminal(
        "tokenizer", "encode", "zz\n\N{UPSIDE-DOWN FACE} z", "--dir", vocabulary, NO_COLOR="1"
    )
    assert terminal.finish() == 0
    assert COLOUR not in terminal.seen
    assert terminal.seen.replace("\x1b[2m", "").replace("\x1b[0m", "").split("\r\n") == [
        "z   z   \\n",
        "122 122 10",
        "",
        "\\xf0 \\x9f \\x99 \\x83 \u00b7  z",
        "240  159  153  131  32 122",
        "",
        "9 tokens, 1.00 bytes each",
        "",
    ]


def test_a_terminal_that_cannot_show_a_character_gets_another(vocabulary):
    latin = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    terminal = Terminal("tokenizer", "encode", "\u00e9 ", "--dir", vocabulary, **latin)
    assert terminal.finish() == 0
    assert "\\xc3 \\xa9 _" in terminal.seen


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT")
def test_an_interrupted_training_leaves_nothing(tmp_path):
    words = (f"{n * 2_654_435_761 % 2**40:x}" for n in range(150_000))  # learned in ten seconds
    (tmp_path / "text").write_text(" ".join(words), "utf-8")
    new = tmp_path / "a" / "b"
    terminal = Terminal(
        "tokenizer", "train", tmp_path / "text", "--vocab-size", 30_000, "--out", new
    )
    while "learning" not in terminal.seen:
        assert terminal.see(), terminal.seen
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert "Interrupted. Nothing is left half-written" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert [p.name for p in tmp_path.iterdir()] == ["text"]


def run_in(clone, *words) -> list[str]:
    """Run a verb on the exercises of a clone, and return what it says, folded lines made whole."""
    done = subprocess.run(
        command(words, "exercises"), cwd=clone.root, env=clone.environment(), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"120 32 49\n"
    return done.stderr.decode().replace("\n  ", " ").splitlines()


def test_what_is_not_solved_is_borrowed_and_said(clone, vocabulary):
    (line,) = run_in(clone, "tokenizer", "encode", "x 1", "--dir", vocabulary)
    told, _, names = line.partition(": ")
    assert told == "borrowed from the reference"
    assert {"utf8_bytes", "gpt2_pretokenize", "bpe_tokenizer"} <= {*names.split(", ")}
    assert "train_bpe" not in names


def test_what_is_solved_is_the_learners_and_what_is_wrong_is_borrowed(clone, vocabulary):
    clone.solve("text/utf8_bytes", "text/gpt2_pretokenize")
    path = clone.exercise("text/gpt2_pretokenize")
    path.write_text(path.read_text("utf-8").replace("{N}", "{L}"), "utf-8")
    path = clone.exercise("text/utf8_bytes")
    path.write_text(f"{path.read_text('utf-8')}\nimport sys\nsys.stderr.write('mine!')\n", "utf-8")
    borrowed, mine = run_in(clone, "tokenizer", "encode", "x 1", "--dir", vocabulary)
    assert "gpt2_pretokenize" in borrowed
    assert "utf8_bytes" not in borrowed
    assert mine == "mine!"


def test_the_story_is_fetched_once_and_checked(tmp_path, monkeypatch, capsys):
    text = b"not the story"
    (tmp_path / "there").write_bytes(text)
    monkeypatch.setattr("grader.files.home", lambda: tmp_path / "home")
    monkeypatch.setattr(runs.fetch, "ADDRESS", (tmp_path / "there").as_uri())
    with pytest.raises(click.ClickException, match="nothing was kept"):
        runs.fetch.fetch.callback()
    assert not (tmp_path / "home").exists()
    monkeypatch.setattr("grader.data.VERDICT_SHA256", hashlib.sha256(text).hexdigest())
    runs.fetch.fetch.callback()
    (tmp_path / "there").unlink()
    runs.fetch.fetch.callback()
    assert (tmp_path / "home" / "the-verdict.txt").read_bytes() == text
    assert "Fetched 13 bytes" in capsys.readouterr().out


def test_without_a_network_fetch_says_where_to_put_the_file(tmp_path):
    closed = {"https_proxy": "http://127.0.0.1:9", "KATA_HOME": str(tmp_path)}
    told = refused(1, "fetch", **closed)
    assert f"put it at {tmp_path / 'the-verdict.txt'}, or name it in VERDICT_PATH" in told
