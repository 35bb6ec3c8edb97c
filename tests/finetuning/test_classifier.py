"""spec/finetuning/classifier.md, clause by clause."""

from contextlib import nullcontext, suppress

import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from tests.classifying import GPT2, V, assert_share, batch, entries, judged, learning, small, turned
from tests.laws import assert_close, assert_equal, assert_examples, assert_holds, assert_raises
from tests.models import Bigram, averaging, bigram
from tests.modes import assert_modes, assert_recording_kept, modes
from tests.tensor_laws import assert_same_gradients
from tests.tensors import chance, distinct, ids, seeds, tensor

choices = {"head": ["head."], "last_block": ["head.", "blocks.{}.", "ln_f."], "all": [""]}


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, shapes=st.lists(distinct(2), min_size=1, max_size=3))
@example(seed=0, shapes=[(3, 5), (1, 4)])
def test_it_agrees_with_the_definition(kata, seed, shapes):
    model, made = averaging(V, seed), [batch(seed + i, *s) for i, s in enumerate(shapes)]
    right = judged(model, made)
    assert_share(kata.accuracy(model, made), sum(right), len(right))
    model = small(seed)
    x = model.tok(made[0][0]) + model.pos.weight[: shapes[0][1]]
    for block in model.eval().blocks:
        x = block(x)
    head = turned(kata, model, 3).head
    assert_close(model(made[0][0]), model.ln_f(x) @ head.weight.T + head.bias)


def test_only_what_is_named_learns(kata):
    for trainable, parts in {**choices, None: choices["last_block"]}.items():
        for asked, training, L in ((True, True, 3), (False, True, 2), (True, False, 4)):
            model = small(0, L).requires_grad_(asked).train(training)
            turned(kata, model, 2, *([trainable] if trainable else []))
            named = tuple(part.format(L - 1) for part in parts)
            right = {n for n, _ in model.named_parameters() if n.startswith(named)}
            told = f"left, for trainable={trainable!r}," if trainable else "left, by default,"
            told += "" if L == 3 else f" in a model of {L} blocks with training={training},"
            for name in sorted(right ^ learning(model)):
                what = "frozen, and it is to learn" if name in right else "learning"
                assert_holds(False, f"{told} `{name}` {what}")


def test_only_what_is_named_learns__at_a_step_too(kata):
    for trainable, parts in choices.items():
        model = turned(kata, small(), 2, trainable).eval()
        before = entries(model)
        model(ids(0, 3, 6, n=V))[:, -1].square().sum().backward()
        for p in model.parameters():
            p.data -= 0.1 * (torch.zeros_like(p) if p.grad is None else p.grad)
        for name, p in model.named_parameters():
            moved = not torch.equal(p, before[name])
            told = f"let a step {'move' if moved else 'leave'} `{name}`, trainable={trainable!r}"
            assert_holds(moved == name.startswith(tuple(part.format(2) for part in parts)), told)


def test_the_head_is_new_and_tied_to_nothing(kata):
    for n in (2, 3):
        model = small()
        table = model.tok.weight.detach().clone()
        d = table.shape[1]
        assert_equal(tuple(turned(kata, model, n)(ids(0, 4, 6, n=V)).shape), (4, 6, n))
        shapes = {name: tuple(p.shape) for name, p in model.head.named_parameters()}
        told = f"made a head of {shapes}, not of a weight {(n, d)} and a bias {(n,)}"
        assert_holds(shapes == {"weight": (n, d), "bias": (n,)}, told)
        model.head.weight.data.fill_(1.0)
        told = "made a head that shares memory with the table: who trains it changes `tok`"
        assert_holds(torch.equal(model.tok.weight, table), told)


def test_the_head_begins_small(kata):
    made = []
    with chance(0):
        for d in (400, 400, 1600):
            model = small()
            model.head = nn.Linear(d, V, bias=False)
            kata.to_classifier(model, 50)
            made.append(model.head)
            mean, std = (f(model.head.weight).item() for f in (torch.mean, torch.std))
            told = f"drew weights for d={d} with mean {mean:.4f} and standard deviation {std:.4f}"
            assert_holds(abs(mean) < 0.001 and abs(std - 0.02) < 0.001, f"{told}, not 0 and 0.02")
            beyond = (model.head.weight.abs() > 0.04).double().mean().item()
            told = f"drew {beyond:.1%} of the weights farther than two deviations from 0, not 4.6%"
            assert_holds(0.035 < beyond < 0.057, told)
            assert_holds(not model.head.bias.any(), "let the bias begin with other numbers than 0")
    same = torch.equal(made[0].weight, made[1].weight)
    assert_holds(not same, "drew the same weights for two heads made one after the other")


def test_the_model_changes_in_place(kata):
    for whole in (True, False):
        model = small().train(whole)
        model.blocks[1].train(not whole)
        before, kept, parts = entries(model), dict(model.named_parameters()), modes(model)
        with chance(7):
            returned = kata.to_classifier(model, 2)
        found = dict(model.named_parameters())
        assert_holds("head.weight" in found, "left the model that was given with its old head")
        for name, p in kept.items():
            assert_holds(found[name] is p, f"put another parameter in the place of `{name}`")
            assert_holds(torch.equal(p, before[name]), f"changed the entries of `{name}`")
        assert_modes(model, parts)
        same = all(found.get(name) is p for name, p in returned.named_parameters())
        assert_holds(same, "returned another model than the one that was given")


def test_the_head_lies_where_the_old_one_lay(kata):
    for dtype, device in ((torch.float32, "cpu"), (torch.bfloat16, "cpu"), (torch.half, "meta")):
        model = turned(kata, small().to(device, dtype), 2)
        for name, p in model.head.named_parameters():
            told = f"made `head.{name}` of {p.dtype} on {p.device}, where the old one had {dtype}"
            assert_holds((p.dtype, p.device.type) == (dtype, device), f"{told} on {device}")


def test_the_numbers_of_gpt_2_small_are_these(kata):
    right = {"head": 1_538, "last_block": 7_090_946, "all": 124_441_346}
    for trainable, expected in right.items():
        model = turned(kata, GPT2(), 2, trainable)
        found = sum(p.numel() for p in model.parameters() if p.requires_grad)
        told = f"let {found:,} numbers learn for trainable={trainable!r}, not {expected:,}"
        assert_holds(found == expected, told)


def test_an_impossible_choice_is_refused(kata):
    for arguments, told in (
        ((1,), ("n_classes", "1")),
        ((0, "all"), ("n_classes", "0")),
        ((2, "last"), ("trainable", "last")),
    ):
        for mentions in told:
            model = small()
            with assert_raises(ValueError, mentions):
                kata.to_classifier(model, *arguments)
            same = model.head.weight is model.tok.weight and len(learning(model)) == 10
            assert_holds(same, "raised ValueError, and had changed the model before")


@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(3, 5, 2))
def test_the_scores_are_those_of_the_last_real_id(kata, seed, sizes):
    B, T, n = sizes
    types = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    for logits in (tensor(seed, T, B, n, dtype=dtype).transpose(0, 1) for dtype in types):
        for lengths in (batch(seed, B, T)[1], torch.full((B,), T), torch.ones(B).long()):
            returned, right = kata.last_token_logits(logits, lengths), []
            told = f"gave scores of {str(returned.dtype)[6:]} out of {str(logits.dtype)[6:]}"
            assert_holds(returned.dtype == logits.dtype, told, returned)
            for row, length in enumerate(lengths.tolist()):
                right.append(logits[row, length - 1])
                same = [t for t in range(T) if torch.equal(returned[row], logits[row, t])]
                at = f"place {same[0]}" if same else "no place"
                told = f"gave row {row}, with the length {length} in {T} places, the scores of {at}"
                assert_holds(length - 1 in same, f"{told}, not of place {length - 1}", returned)
            assert_close(returned, torch.stack(right))
    assert_equal(kata.last_token_logits(logits[:0], lengths[:0]), logits[:0, 0])


@given(seed=seeds, sizes=distinct(3))
@example(seed=0, sizes=(3, 5, 2))
def test_the_gradient_reaches_these_scores_alone(kata, seed, sizes):
    lengths = batch(seed, *sizes[:2])[1]
    chosen = torch.arange(sizes[1]) == lengths[:, None] - 1
    oracle = lambda logits, lengths: (logits * chosen[..., None]).sum(1)  # noqa: E731
    assert_same_gradients(kata.last_token_logits, oracle, tensor(seed, *sizes), lengths)


@given(seed=seeds, more=st.integers(0, 3))
@example(seed=0, more=2)
def test_padding_does_not_count(kata, seed, more):
    model, (rows, lengths, labels) = turned(kata, small(seed), 2).eval(), batch(seed, 4, 6)
    alone = [model(row[None, :k])[0, -1] for row, k in zip(rows, lengths.tolist(), strict=True)]
    for pad in range(2):
        padded = F.pad(rows, (0, more))
        padded = padded.masked_fill(torch.arange(6 + more) >= lengths[:, None], pad)
        found = kata.last_token_logits(model(padded), lengths)
        off = (found - torch.stack(alone)).abs().amax(-1)
        at = int(off.argmax())
        told = f"gave the text of {lengths[at]} ids in a row of {6 + more} other scores than alone"
        assert_holds(bool(off[at] < 1e-9), f"{told}, by {off[at]:.3g}: what fills it up counted")
        table = averaging(V, seed)
        for given_rows in (padded, rows):
            right = judged(table, [(given_rows, lengths, labels)])
            assert_share(kata.accuracy(table, [(given_rows, lengths, labels)]), sum(right), 4)


def test_a_length_that_no_text_has_is_refused(kata):
    for lengths in ([2, 0, 1], [1, 6, 5], [-1, 3, 3]):
        for mentions in ("lengths", str(min(lengths) if min(lengths) < 1 else 6)):
            with assert_raises(ValueError, mentions):
                kata.last_token_logits(tensor(0, 3, 5, 2), torch.tensor(lengths))


@given(seed=seeds, cuts=distinct(3))
@example(seed=0, cuts=(2, 1, 5))
def test_every_row_weighs_the_same(kata, seed, cuts):
    whole = batch(seed, sum(cuts), 4)
    dealt = list(zip(*(x.split(cuts) for x in whole), strict=True))
    right = judged(averaging(V, seed), [whole])
    with_nothing = [dealt[0], tuple(x[:0] for x in whole), *dealt[1:]]
    for batches in ([whole], dealt, dealt[::-1], with_nothing):
        assert_share(kata.accuracy(averaging(V, seed), batches), sum(right), len(right))


def test_among_equal_scores_the_lowest_class_counts(kata):
    alike = ([1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, 1.0, 1.0])
    row, length = torch.zeros(1, 1).long(), torch.ones(1).long()
    for scores in (*alike, [50.0, 60.0, 55.0], [1.0, 1.0 + 1e-12, 1.0]):
        right = scores.index(max(scores))
        for label in range(3):
            model = Bigram(torch.tensor([scores], dtype=torch.float64))
            share = kata.accuracy(model, [(row, length, torch.tensor([label]))])
            told = f"{share!r} for a row of label {label}, though its scores {scores} are those of"
            assert_holds(share == (label == right), f"returned {told} class {right}", share)


def test_the_model_is_asked_in_evaluation_mode(kata):
    part = bigram(V, 0, dropout=0.5)
    for model, what in ((part, "the model"), (nn.Sequential(part).eval(), "a part of the model")):
        part.train()
        share = kata.accuracy(model, [batch(0, 4, 3), batch(1, 2, 3)])
        told = f"asked {what} in training mode, in which dropout acts"
        assert_holds(not any(training for _, training, _ in part.seen), told, share)


def test_no_gradient_is_recorded(kata):
    model = bigram(V, 0)
    share = kata.accuracy(model, [batch(0, 4, 3), batch(1, 2, 3)])
    recorded = any(recorded for _, _, recorded in model.seen)
    assert_holds(not recorded, "called the model while gradients were recorded", share)
    rows, *rest = batch(0, 4, 3)

    def call(batches):
        with suppress(AssertionError):  # what is raised, and when, is told by other clauses
            kata.accuracy(bigram(V, 0), batches)

    for batches in ([(rows, *rest)], [], [(rows + V, *rest)]):
        assert_recording_kept(lambda given=batches: call(given))


def test_all_is_left_as_it_was(kata):
    rows, *rest = batch(0, 4, 3)
    for whole, part in ((True, True), (True, False), (False, True), (False, False)):
        for beyond in (0, V):
            model = bigram(V, 0, dropout=0.5).train(whole)
            model.drop.train(part)
            before = modes(model)
            with assert_raises(IndexError) if beyond else nullcontext():
                kata.accuracy(model, [(rows + beyond, *rest)])
            assert_modes(model, before)


def test_the_batches_are_read_once(kata):
    made, model, asked = [batch(i, 2, 3) for i in range(3)], bigram(V, 0), []

    def stream():
        for triple in made:
            asked.append(len(model.seen))
            yield [*triple]

    share = kata.accuracy(model, stream())
    assert_holds(share == kata.accuracy(bigram(V, 0), made), "lost batches of a generator", share)
    used = asked[:1] == [0] and asked == sorted(set(asked))
    assert_holds(used, "asked for a batch before the one before it had been used", share)


def test_without_a_row_there_is_no_accuracy(kata):
    for batches in ([], iter([]), [tuple(x[:0] for x in batch(0, 2, 3))]):
        with assert_raises(ValueError, "batches"):
            kata.accuracy(bigram(V, 0), batches)
