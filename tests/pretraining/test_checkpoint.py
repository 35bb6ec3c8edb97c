"""spec/pretraining/checkpoint.md, clause by clause."""

import os
import pickle
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises
from tests.resuming import (
    PATH,
    C,
    V,
    adam,
    broken,
    empty_folder,
    fresh,
    heavy,
    network,
    plain,
    snapshot,
    train,
    watched,
)
from tests.tensors import random

# an AdamW that is made anew, and has other settings than the one that was saved
OTHER = partial(adam, lr=0.4, weight_decay=0.0, betas=(0.5, 0.6), eps=0.1)


class Obstacle:
    """Lies in the state of an optimiser, and ends the writing; `saw` is what was at the path."""

    def __init__(self, optimizer, ending):
        self.ending, self.saw = ending, None
        next(iter(optimizer.state.values()))["obstacle"] = self

    def __reduce__(self):
        self.saw = PATH.read_bytes() if PATH.is_file() else b""
        raise self.ending


class Trap:
    """Has a function run, here one that makes a folder, where it is read without care."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def save(kata, make=adam, dropout=0.3, fall=1.0):
    """Save a training after three steps, and give its parts."""
    model, batches = network(2, dropout), random(3)
    optimizer = make(model)
    train(model, optimizer, batches, 3, fall)
    kata.save_checkpoint(PATH, model, optimizer, 3, batches)
    return model, optimizer, batches


def assert_goes_on(kata, make, made_anew=None, dropout=0.0, same_batches=True, fall=1.0):
    """Assert that a training goes on in fresh parts with the losses it would have had."""
    with empty_folder():
        model, optimizer, batches = save(kata, make, dropout, fall)
        right = train(model, optimizer, random(7) if same_batches else batches, 3, fall)
        model, optimizer, batches = fresh(made_anew or make, dropout)
        kata.load_checkpoint(PATH, model, optimizer, batches)
        losses = train(model, optimizer, random(7) if same_batches else batches, 3, fall)
        mine, theirs = (", ".join(f"{loss:.3f}" for loss in found) for found in (losses, right))
        told = f"let the training go on with losses of {mine}; without a break they are {theirs}"
        assert_holds(losses == right, told)


def assert_same(before, parts, but=()):
    changed = [name for name, now in snapshot(*parts).items() if now != before[name]]
    changed = [name for name in changed if name not in but]
    assert_holds(not changed, f"changed {' and '.join(changed)}")


def assert_refuses(kata, kind, *parts):
    """Assert that loading is refused, and leaves everything as it was."""
    before = snapshot(*parts)
    with assert_raises(kind):
        kata.load_checkpoint(PATH, *parts)
    assert_same(before, parts)


def assert_files(*names):
    found = sorted(path.name for path in Path().iterdir())
    assert_holds(found == sorted(names), f"left {len(found)} files in the folder, not {len(names)}")


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_weights_come_back(kata):
    with empty_folder():
        model, *_ = save(kata)
        ids, other = torch.arange(V), network(5)
        kata.load_checkpoint(PATH, other)
        off = (other.eval()(ids) - model.eval()(ids)).abs().max().item()
        told = f"brought back a model whose scores in evaluation mode are off by up to {off:.3g}"
        assert_holds(off == 0, told)


def test_the_optimizer_goes_on_where_it_stopped(kata):
    assert_goes_on(kata, heavy)
    assert_goes_on(kata, adam)
    assert_goes_on(kata, adam, OTHER, fall=0.5)


def test_dropout_goes_on_where_it_stopped(kata):
    assert_goes_on(kata, plain, dropout=0.3)


def test_the_batches_go_on_where_they_stopped(kata):
    assert_goes_on(kata, plain, same_batches=False)
    with empty_folder():
        (_, _, batches), (model, _, other) = save(kata), fresh()
        kata.load_checkpoint(PATH, model, generator=other)
        same = torch.equal(other.get_state(), batches.get_state())
        assert_holds(same, "left the generator where it was, as no optimizer was given")


def test_a_training_goes_on_as_if_it_had_not_stopped(kata):
    assert_goes_on(kata, heavy, plain, dropout=0.3, same_batches=False, fall=0.5)
    assert_goes_on(kata, adam, OTHER, dropout=0.3, same_batches=False, fall=0.5)


def test_the_number_of_steps_comes_back(kata):
    with empty_folder():
        model, optimizer, _ = fresh()
        for path, step in ((PATH, 0), ("run.pt", 7), (Path("deeper") / "run.2.pt", 10**12)):
            Path(path).parent.mkdir(exist_ok=True)
            kata.save_checkpoint(path, model, optimizer, step)
            assert_equal(kata.load_checkpoint(path, model), step)


def test_nothing_else_is_changed(kata):
    with empty_folder():
        parts = fresh()
        train(*parts, 2)
        parts[0][3].eval()
        before = snapshot(*parts)
        kata.save_checkpoint(PATH, *parts[:2], 2, parts[2])
        assert_same(before, parts)
        for mode in (True, False):
            parts = fresh()
            parts[0].train(mode)[3].train(not mode)
            parts[0][0].weight.requires_grad_(mode)
            before = snapshot(*parts)
            kata.load_checkpoint(PATH, parts[0])
            assert_same(before, parts, but=["the model"])
            kata.load_checkpoint(PATH, parts[0], generator=parts[2])
            assert_same(before, parts, but=["the model", "the generator"])


def test_the_old_file_stays_until_the_new_one_is_whole(kata):
    with empty_folder():
        model, optimizer, batches = save(kata)
        older = PATH.read_bytes()
        os.link(PATH, "second name")
        train(model, optimizer, batches, 2)
        with watched() as wrong:
            kata.save_checkpoint(PATH, model, optimizer, 5, batches)
        assert_holds(not wrong, wrong[0] if wrong else "")
        told = "wrote into the old file: whoever reads it meanwhile has parts of both"
        assert_holds(Path("second name").read_bytes() == older, told)
        old, obstacle = PATH.read_bytes(), Obstacle(optimizer, RuntimeError("the disk is full"))
        with assert_raises(RuntimeError):
            kata.save_checkpoint(PATH, model, optimizer, 6, batches)
        whole = PATH.is_file() and PATH.read_bytes() == old
        assert_holds(whole, "left a damaged file where a whole one had been, when writing failed")
        told = "had a damaged file at the path, while it was writing the new one"
        assert_holds(obstacle.saw in (None, old), told)


def test_a_failed_save_leaves_nothing_behind(kata):
    with empty_folder():
        parts = save(kata)
        assert_files("run.pt")
        others = [Path("run.tmp"), Path("run.bak"), Path("tmp")]
        for path in others:
            path.write_text("not yours")
        kata.save_checkpoint(PATH, *parts[:2], 4)
        for path in others:
            kept = path.is_file() and path.read_text() == "not yours"
            assert_holds(kept, f"wrote over {path}, or removed it, which lay in the same folder")
            path.unlink()
        for ending in (RuntimeError("the disk is full"), SystemExit(1)):
            Obstacle(parts[1], ending)
            for name in ("run.pt", "new.pt"):
                with assert_raises(type(ending)):
                    kata.save_checkpoint(name, *parts[:2], 5)
                assert_files("run.pt")
        Path("folder").mkdir()
        Path("folder/file").touch()
        with assert_raises(Exception):
            kata.save_checkpoint("folder", *fresh()[:2], 5)
        assert_files("run.pt", "folder")


def test_what_is_no_checkpoint_is_refused(kata):
    with empty_folder():
        parts = fresh()
        save(kata)
        whole = PATH.read_bytes()
        for length in (0, 1, 3, 100, len(whole) // 2, len(whole) - 1):
            PATH.write_bytes(whole[:length])
            assert_refuses(kata, ValueError, *parts)
        PATH.write_text("hello")
        assert_refuses(kata, ValueError, *parts)
        for other in (torch.zeros(3), [1, 2, 3], {}, network(2).state_dict()):
            torch.save(other, PATH)
            assert_refuses(kata, ValueError, *parts)
        PATH.write_bytes(whole)
        with suppress(Exception):
            torch.save(broken(torch.load(PATH, weights_only=True)), PATH)
        if PATH.read_bytes() != whole:
            assert_refuses(kata, ValueError, *parts)
        PATH.unlink()
        assert_refuses(kata, FileNotFoundError, *parts)


def test_a_file_cannot_make_code_run(kata):
    with empty_folder():
        parts = fresh()
        with_trap = {"model": parts[0].state_dict(), "optimizer": parts[1].state_dict(), "": Trap()}
        for number, given in enumerate((with_trap, Trap(), Trap())):
            if number < 2:
                torch.save(given, PATH)
            else:
                PATH.write_bytes(pickle.dumps(given, protocol=2))
            with suppress(AssertionError):
                kata.load_checkpoint(PATH, *parts)
            told = "ran a function of the operating system, because the file asked for it"
            assert_holds(not Path("sprung").exists(), told)
            assert_refuses(kata, ValueError, *parts)


def test_what_does_not_fit_changes_nothing(kata):
    with empty_folder():
        save(kata)
        model, optimizer, batches = fresh(width=C + 1)
        assert_refuses(kata, ValueError, model, optimizer, batches)
        for odd in (nn.Sequential(*network(5), nn.Linear(V, V)), network(5)[:2]):
            assert_refuses(kata, KeyError, odd, optimizer, batches)
        model, optimizer, batches = fresh(make=plain)
        assert_refuses(kata, ValueError, model, optimizer, batches)
        kata.save_checkpoint(PATH, model, optimizer, 0)
        assert_refuses(kata, ValueError, *fresh(make=plain))
        for make, other in ((plain, one_group), (one_group, plain)):
            save(kata, make)
            assert_refuses(kata, ValueError, *fresh(make=other))


def one_group(model):
    return torch.optim.AdamW(model.parameters())
