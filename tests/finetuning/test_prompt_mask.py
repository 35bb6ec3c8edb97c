"""spec/finetuning/prompt_mask.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensor_laws import assert_gradient
from tests.tensors import ids, seeds, tensor

END, IGNORED, V = 50256, -100, 7
FIRST = "Below is an instruction that describes a task{}. Write a response that appropriately "
PAIRED = ", paired with an input that provides further context"
SHORT = {"instruction": "Spell 7.", "output": "seven"}
SPELLING = {"instruction": "Spell the word.", "input": "Ocassion", "output": "It is 'Occasion'."}
said = st.sampled_from(["I", "Yes, no", "é\n\n.", "### Response:\n"])
asked = st.fixed_dictionaries({"instruction": said, "output": said}, optional={"input": said})
lengths = st.lists(st.integers(0, 8), min_size=1, max_size=4)


def letters(text):
    """Spell a text by its code points."""
    return [ord(character) for character in text]


def marked(text):
    """Begin every text with a mark, as many tokenizers do."""
    return [1, *letters(text)]


def bpe(gpt2):
    def gpt2_encode(text):  # a plain function has a name to be shown by
        return gpt2.encode(text)

    return gpt2_encode


def prompt_of(example):
    further = example.get("input", "")  # never blank here
    head = f"{FIRST.format(PAIRED if further else '')}completes the request."
    section = f"### Input:\n{further}\n\n" if further else ""
    return f"{head}\n\n### Instruction:\n{example['instruction']}\n\n{section}### Response:\n"


def masked_by_the_definition(targets, prompt_lengths, ignore_index=IGNORED):
    """Decide each target by itself."""
    masked = targets.clone()
    for b, n in enumerate(prompt_lengths):
        for t in range(targets.shape[1]):
            masked[b, t] = ignore_index if t + 1 < n else targets[b, t]
    return masked


def targets_of(rows, max_length=10**6):
    """Make the targets of a batch, each with one mark of its end."""
    width = max(map(len, rows))
    padded = [[*row[1:], END, *[IGNORED] * (width - len(row))] for row in rows]
    return torch.tensor([row[:max_length] for row in padded])


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, ns=lengths, mark=st.sampled_from([-100, -1]))
@example(seed=0, ns=[3, 1, 0, 6, 8], mark=-100)
def test_it_agrees_with_the_definition(kata, seed, ns, mark):
    targets = ids(seed, len(ns), 6, n=V)
    right = masked_by_the_definition(targets, ns, mark)
    assert_equal(kata.mask_prompt(targets, torch.tensor(ns), mark), right)


@given(this=asked, encode=st.sampled_from([letters, marked]), max_length=st.integers(1, 300))
@example(this=SPELLING, encode=marked, max_length=280)
def test_it_agrees_with_the_definition__of_an_example(kata, this, encode, max_length):
    prompt, whole = encode(prompt_of(this)), encode(prompt_of(this) + this["output"])
    expected = whole[: max_length + 1], len(prompt)
    assert_equal(kata.build_example(encode, this, max_length), expected)


@given(seed=seeds, ns=lengths)
@example(seed=0, ns=[3, 2, 5])
def test_the_prompt_does_not_count(kata, seed, ns):
    targets = ids(seed, len(ns), 6, n=V)
    masked = kata.mask_prompt(targets, torch.tensor(ns))
    for row, n in zip(masked.tolist(), ns, strict=True):
        counted = [t for t in range(6) if t + 1 < n and row[t] != IGNORED]
        told = f"lets the targets at {counted} count, which are ids of the prompt of {n} ids"
        assert_holds(not counted, told, masked)


@given(seed=seeds, ns=lengths)
@example(seed=0, ns=[3, 1, 6])
def test_the_first_id_of_the_response_counts(kata, seed, ns):
    targets = ids(seed, len(ns), 6, n=V)
    masked = kata.mask_prompt(targets, torch.tensor(ns))
    for b, n in enumerate(ns):
        if 0 < n <= 6:
            found, right = masked[b, n - 1].item(), targets[b, n - 1].item()
            told = f"made {found} of the target at {n - 1}, with which the response begins after"
            assert_holds(found == right, f"{told} a prompt of {n} ids; it is {right}", masked)


@given(ns=lengths, sizes=st.lists(st.integers(1, 6), min_size=4, max_size=4), mark=seeds)
@example(ns=[3, 1, 2], sizes=[5, 3, 4, 1], mark=END)
@example(ns=[3, 1, 2], sizes=[5, 3, 4, 1], mark=2**24 + 1)
def test_from_there_on_nothing_changes(kata, ns, sizes, mark):
    targets = targets_of([[10 * b + i for i in range(sizes[b])] for b in range(len(ns))])
    targets = targets.masked_fill(targets == END, mark)
    for ignore_index in (IGNORED, -1):
        right = masked_by_the_definition(targets, ns, ignore_index)
        masked = kata.mask_prompt(targets, torch.tensor(ns), ignore_index)
        for row, n, wanted in zip(masked.tolist(), ns, right.tolist(), strict=True):
            told = f"made the row {row} with a prompt of {n} ids; it is {wanted}"
            start = max(n - 1, 0)
            assert_holds(row[start:] == wanted[start:], told, masked)


@given(seed=seeds, ns=lengths)
@example(seed=0, ns=[5, 2, 4])
def test_each_row_has_a_length_of_its_own(kata, seed, ns):
    targets = ids(seed, len(ns), 6, n=V)
    together = kata.mask_prompt(targets, torch.tensor(ns))
    for b, n in enumerate(ns):
        alone = kata.mask_prompt(targets[b : b + 1], torch.tensor([n]))
        told = f"made of row {b}, with a prompt of {n} ids, {together[b].tolist()}"
        told = f"{told} beside prompts of {ns}, and {alone[0].tolist()} alone"
        assert_holds(torch.equal(together[b], alone[0]), told, together)
    assert_equal(kata.mask_prompt(targets[:0], torch.tensor(ns)[:0]), targets[:0])


def test_a_prompt_may_be_nothing_or_everything(kata):
    targets = ids(0, 5, 4, n=V)
    ns = [0, 1, 4, 5, 99]
    masked = kata.mask_prompt(targets, torch.tensor(ns))
    right = masked_by_the_definition(targets, ns)
    for row, n, wanted in zip(masked.tolist(), ns, right.tolist(), strict=True):
        told = f"made {row} of a row of 4 targets with a prompt of {n} ids; it is {wanted}"
        assert_holds(row == wanted, told, masked)


@given(seed=seeds, ns=lengths.map(lambda ns: [*ns, 1]))  # the mean of nothing is nan
@example(seed=0, ns=[3, 1, 6])
def test_no_gradient_reaches_the_prompt(kata, seed, ns):
    targets = ids(seed, len(ns), 6, n=V)
    masked = kata.mask_prompt(targets, torch.tensor(ns)).long()
    found, right = (tensor(seed, len(ns), 6, V).requires_grad_() for _ in range(2))
    F.cross_entropy(found.flatten(0, 1), masked.flatten()).backward()
    counts = torch.tensor([[t + 1 >= n for t in range(6)] for n in ns])
    F.cross_entropy(right[counts], targets[counts]).backward()
    reached = (found.grad.abs().sum(-1) > 0) & ~counts
    told = f"lets a gradient reach {int(reached.sum())} positions at which the prompt goes on"
    assert_holds(not bool(reached.any()), told, masked)
    assert_gradient(masked, "the scores", found.grad, right.grad)


def test_any_number_may_be_the_mark(kata):
    targets, ns = ids(0, 3, 6, n=V), [3, 5, 1]
    for options in ({}, *({"ignore_index": mark} for mark in (-1, -100, 77, 0))):
        right = masked_by_the_definition(targets, ns, **options)
        assert_equal(kata.mask_prompt(targets, torch.tensor(ns), **options), right)


def test_the_mask_lies_where_the_targets_lie(kata):
    targets, ns = ids(0, 3, 6, n=V), torch.tensor([3, 5, 1])
    assert_stays_on_device(kata.mask_prompt, targets, ns)
    with torch.device("meta"):  # here lies what is made without a word about where
        masked = kata.mask_prompt(targets, ns)
    told = f"returned a tensor on {masked.device}, torch's default; its input lies on the CPU"
    assert_holds(masked.device == targets.device, told, masked)


def test_the_whole_is_encoded_at_once(kata):
    for encode, this in ((letters, SHORT), (marked, SHORT), (marked, SPELLING)):
        found, _ = kata.build_example(encode, this, 10**4)
        right = encode(prompt_of(this) + this["output"])
        told = f"returned ids with {found.count(1)} marks of a beginning; a text gets one"
        assert_holds(found.count(1) == right.count(1), told, found)
        assert_equal(found, right)


def test_the_prompt_is_counted_in_ids(kata, gpt2):
    for encode in (bpe(gpt2), letters, marked):
        _, found = kata.build_example(encode, SPELLING, 10**4)
        right = len(encode(prompt_of(SPELLING)))
        told = f"returned the prompt length {found!r}; the prompt has {right} ids"
        assert_holds(found == right and type(found) is int, told, found)


def test_one_id_more_than_positions_is_kept(kata):
    whole = letters(prompt_of(SHORT) + SHORT["output"])
    for max_length in (len(whole) + cut for cut in (-1, -2, 0, 1, -120, 20)):
        found, _ = kata.build_example(letters, SHORT, max_length)
        right = whole[: max_length + 1]
        told = f"returned {len(found)} ids of {len(whole)} for {max_length} positions"
        assert_holds(len(found) == len(right), f"{told}, not {len(right)}", found)
        assert_equal(found, right)


def test_the_length_of_the_prompt_is_not_cut(kata):
    right = len(prompt_of(SHORT))
    for max_length in (1, 100, right - 1, right, right + 1, 1000):
        _, found = kata.build_example(letters, SHORT, max_length)
        told = f"returned the prompt length {found} for {max_length} positions, not {right}"
        assert_holds(found == right, told, found)


def test_a_response_that_merges_is_refused(kata, gpt2):
    def padded(text):
        return (letters(text) + [0] * 400)[:400]

    def cut(text):  # what is too long has fewer ids than the prompt
        return letters(text)[: 100 if text.endswith("Yes") else None]

    def merging(text):  # the prompt ends with 10, and the whole with 108
        return letters(text.replace("\nYes", chr(108)))

    theirs = ((bpe(gpt2), output) for output in ("\n\nYes", "\n Yes", "\n\n"))
    for encode, output in (*theirs, (padded, "Yes"), (cut, "Yes"), (merging, "Yes")):
        this = SHORT | {"output": output}
        for mentions, max_length in (("output", 1000), (output.strip(), 1000), ("output", 20)):
            with assert_raises(ValueError, mentions=mentions):
                kata.build_example(encode, this, max_length)


def test_a_response_that_merges_is_refused__and_no_other(kata, gpt2):
    for output in ("Yes", "\nYes", " Yes", "\tYes", "## Yes", ""):
        this = {"instruction": "Yes or no?", "output": output}
        found, n = kata.build_example(bpe(gpt2), this, 1000)
        assert_equal(gpt2.decode(found[n:]), output)


def test_counted_are_the_response_and_its_end(kata, gpt2):
    both = SHORT, SPELLING
    for encode in (bpe(gpt2), letters):
        wholes = [encode(prompt_of(this) + this["output"]) for this in both]
        for max_length in (1000, len(wholes[0]) - 1, len(wholes[0]) - 2, len(wholes[1]) - 1):
            made = [kata.build_example(encode, this, max_length) for this in both]
            targets = targets_of([found for found, _ in made], max_length)
            masked = kata.mask_prompt(targets, torch.tensor([n for _, n in made]))
            for row, this, whole in zip(masked.tolist(), both, wholes, strict=True):
                n = len(encode(prompt_of(this)))
                right = [*whole, END][n : max_length + 1]
                found = [target for target in row if target != IGNORED]
                told = f"leaves {len(found)} targets for {max_length} positions: {found[-3:]} last"
                assert_holds(found == right, f"{told}, not {len(right)}: {right[-3:]}")


def test_what_is_given_is_left_alone(kata):
    assert_leaves_alone(kata.mask_prompt, ids(0, 3, 6, n=V), torch.tensor([3, 5, 1]))
    kept = {}

    def keeping(text):
        return kept.setdefault(text, letters(text))

    for max_length in (1000, 20):
        for this in (dict(SPELLING), {"instruction": "Spell 7.", "output": "seven"}):
            assert_leaves_alone(kata.build_example, letters, this, max_length)
        kata.build_example(keeping, SHORT, max_length)
        told = "changed a list of ids that the tokenizer had given, and still keeps"
        assert_holds(all(kept[text] == letters(text) for text in kept), told)
