"""A conversation: on a terminal, in a pipe, and as far back as the context goes."""

import os
import re

from grader.tests.running import ONE_THREAD, Terminal, refused, run
from runs.chat import answer_lines, reply
from runs.speaking import Speaker

ASKED = "Which number has red ink?"


def chat(folder, given):
    return run("chat", "--weights", folder, "--tokens", 5, given=given, **ONE_THREAD)


def test_in_a_pipe_every_line_has_its_answer_on_a_line(tuned):
    done = chat(tuned, f"{ASKED}\n\nWhich number has gold fog?\r\n{ASKED}")
    assert done.returncode == 0
    first, empty, _, last = done.stdout.decode().split("\n")[:-1]
    assert (first, empty) == (last, "")
    assert done.stderr == ""


def test_in_a_pipe_nothing_is_remembered(capsys):
    class Counting:
        said = 0

        def answer(self, line):
            self.said += 1
            yield f"{line}, the answer number {self.said}"

        def forget(self):
            self.said = 0

    assert answer_lines(Counting(), ["a", "b"]) == 0
    assert capsys.readouterr().out == "a, the answer number 1\nb, the answer number 1\n"


def test_a_line_that_is_too_long_is_named_and_the_others_are_answered(tuned):
    done = chat(tuned, "word " * 200 + f"\n{ASKED}\n")
    assert done.returncode == 1
    told = (
        r"Line 1: 128 tokens are read, and with this line there are \d+: say it in fewer words\.\n"
    )
    assert re.fullmatch(told, done.stderr)
    assert done.stdout.decode().count("\n") == 2


def test_bytes_that_are_no_text_are_refused(tuned):
    told = refused(1, "chat", "--weights", tuned, given=b"\xff\n", **ONE_THREAD)
    assert "Standard input is not UTF-8 at byte 0" in told


def test_a_terminal_asks_answers_and_is_left_at_the_prompt(tuned):
    terminal = Terminal("chat", "--weights", tuned, "--tokens", 5, **ONE_THREAD)
    for said, prompts in ((f"{ASKED}\n", 1), ("word " * 200 + "\n", 2), ("\n", 3), ("\x04", 4)):
        while len(re.findall(r"> ", terminal.seen)) < prompts:
            assert terminal.see(), terminal.seen
        os.write(terminal.end, said.encode())
    assert terminal.finish() == 0
    assert "Ctrl-D leaves." in terminal.seen
    assert "say it in fewer words." in terminal.seen
    assert "Traceback" not in terminal.seen


def test_an_answer_that_is_interrupted_ends_and_the_talk_goes_on(capsys):
    class Slow:
        def answer(self, line):
            yield "As I was"
            raise KeyboardInterrupt

    reply(Slow(), ASKED)
    assert capsys.readouterr().out == "As I was ...\n"


def test_as_many_of_the_last_turns_are_read_as_leave_room_for_the_answer():
    speaker = Speaker.__new__(Speaker)
    speaker.context, speaker.tokens = 20, 4
    speaker.turns = [[1] * 6, [2] * 5, [3] * 3]
    assert speaker.opening([9] * 8) == [2] * 5 + [3] * 3 + [9] * 8
    assert speaker.opening([9] * 9) == [3] * 3 + [9] * 9
    assert speaker.opening([9] * 14) == [9] * 14
    speaker.tokens = 1000  # then a quarter of the context is kept for it
    assert speaker.opening([9] * 8) == [3] * 3 + [9] * 8
