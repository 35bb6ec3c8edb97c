"""The cache, drafts, weights of a byte each, and the modern model, as the verbs use them."""

import json
import re
import shutil
from copy import deepcopy
from itertools import chain
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from grader.syllabus import ROOT
from grader.tests.running import ONE_THREAD, refused, run
from grader.tests.test_pretrain_bad_input import change
from grader.trees import Tree
from runs.chat import chat
from runs.fused_reader import FusedReader
from runs.generate import generate
from runs.modern import ModernConfig, ModernGPT, as_large_as, count_parameters
from runs.needs import INT8, MODERN, PLAIN, katas_of
from runs.remembering import Remembering, remembering
from runs.speaking import Speaker
from runs.writer import Writer
from runs.writing import rule

KATAS = Tree("katas", ROOT / "reference")
MORE_THAN_THE_CONTEXT = 150


def told(done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def write(weights: Path, *words) -> tuple[str, str]:
    """Have a model write on, and return what it wrote and what else was said."""
    words = ("--prompt", "The ", "--tokens", MORE_THAN_THE_CONTEXT, *words)
    done = run("generate", "--weights", weights, *words, **ONE_THREAD)
    return told(done), done.stderr


@pytest.fixture(scope="module")
def modern(tmp_path_factory, tiny) -> Path:
    """A folder in which a modern model was trained for a moment, beside a plain one."""
    beside = tmp_path_factory.mktemp("modern")
    shutil.copytree(tiny, beside / "plain")
    words = ("--out", beside / "gpt", "--steps", 4, "--batch", 2, "--modern")
    (beside / "printed").write_text(told(run("pretrain", *words, **ONE_THREAD)), "utf-8")
    return beside / "gpt"


@pytest.fixture(scope="module")
def rounded(tmp_path_factory, tiny) -> Path:
    """A folder with the weights of the tiny model in a byte each."""
    folder = tmp_path_factory.mktemp("rounded") / "gpt"
    words = ("quantize", "--weights", tiny, "--out", folder)
    printed = told(run(*words, **ONE_THREAD))
    (folder / "printed").write_text(printed, "utf-8")
    return folder


def gpt(vocab: int = 20, context: int = 12):
    """Make a small plain GPT and a small modern one, with weights that tell ids apart."""
    plain = KATAS.load("gpt/gpt_config").GPTConfig(vocab, context, 16, 2, 4)
    torch.manual_seed(0)
    shape = ModernConfig(vocab, context, 16, 2, 4, 2, 24)
    for model in (KATAS.load("gpt/gpt_model").GPT(plain), ModernGPT(KATAS, shape)):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(8)
        yield model.eval()


def test_what_is_remembered_changes_no_token():
    write_on = KATAS.load("gpt/generate").generate
    for model in gpt():
        cached, plain = remembering(KATAS, model), []
        for seed in range(3):
            ids = torch.randint(20, (1 + seed, 5), generator=torch.Generator().manual_seed(seed))
            plain.append(write_on(model, ids, 20, 12))
            assert torch.equal(write_on(cached, ids, 20, 12), plain[-1])
        assert len(set(plain[0][0].tolist())) > 5


class Reading(torch.nn.Module):
    """Notes which ids it reads, and keeps them."""

    def __init__(self):
        super().__init__()
        self.read: list[list[list[int]]] = []

    def forward(self, ids, caches):
        if 9 in ids:
            raise KeyboardInterrupt
        self.read.append(ids.tolist())
        for cache in caches:
            cache.append(*2 * [ids[..., None].double()])
        return ids[..., None].double()


def test_only_what_is_new_is_read():
    new = KATAS.load("scaling/kv_cache").KVCache
    reading = Remembering(Reading(), [new(8), new(8)])
    asked = ([[1, 2, 3]], [[1, 2, 3, 4]], [[1, 2, 3, 4]], [[1, 5]], [[2, 5]], [[2, 5], [2, 6]])
    read = ([[1, 2, 3]], [[4]], [[4]], [[5]], [[2, 5]], [[2, 5], [2, 6]])
    for ids in asked:
        reading(torch.tensor(ids))
    assert reading.model.read == [*read]


def test_what_was_interrupted_is_read_again():
    new = KATAS.load("scaling/kv_cache").KVCache
    reading = Remembering(Reading(), [new(8)])
    reading(torch.tensor([[1, 2]]))
    with pytest.raises(KeyboardInterrupt):
        reading(torch.tensor([[1, 2, 9, 3]]))
    reading(torch.tensor([[1, 2, 9, 3]]) % 9)
    reading(torch.tensor([[1, 2, 0, 3, 4]]))
    assert reading.model.read == [[[1, 2]], [[0, 3]], [[4]]]


def test_the_cache_changes_no_token_of_what_is_written(tiny, modern):
    for weights in (tiny, modern):
        for rules in ((), ("--temperature", 0)):
            assert write(weights, *rules) == write(weights, *rules, "--no-cache")


@pytest.mark.parametrize("verb", [generate, chat], ids=lambda verb: verb.name)
def test_the_cache_is_used_unless_it_is_not_wanted(verb, tmp_path):
    for words, cached in (([], True), (["--no-cache"], False)):
        context = verb.make_context(verb.name, ["--weights", str(tmp_path), *words])
        assert context.params["cache"] is cached


@pytest.mark.parametrize("cached", [True, False])
def test_what_reads_remembers_if_it_is_to(tiny, tuned, cached):
    rules = {"cache": cached, "seed": 0, "temperature": 0.0}
    writer = Writer(KATAS, tiny, None, fused=False, **rules)
    speaker = Speaker(KATAS, tuned, tokens=1, **rules)
    assert isinstance(writer.model, Remembering) is isinstance(speaker.model, Remembering) is cached


def test_in_a_talk_the_cache_changes_no_answer(tuned):
    asked = "Which number has red ink?\n"
    words = ("chat", "--weights", tuned, "--tokens", 5)
    assert told(run(*words, given=asked, **ONE_THREAD)) == told(
        run(*words, "--no-cache", given=asked, **ONE_THREAD)
    )


def test_a_draft_changes_no_token_and_its_guesses_are_counted(tiny, modern):
    alone, _ = write(tiny, "--temperature", 0)
    for draft in (modern, tiny):
        for cache in ((), ("--no-cache",)):
            text, said = write(tiny, "--temperature", 0, "--draft", draft, *cache)
            assert text == alone
            line = r"^150 tokens, and the model was asked (\d+) times: (\d\.\d\d) of 4 guesses were"
            asked, kept = re.search(line, said, re.M).groups()
            assert float(kept) == pytest.approx((150 - int(asked)) / int(asked), abs=0.01)
    assert int(asked) < 60


def test_a_draft_of_another_vocabulary_is_refused(tiny, tmp_path):
    words = ("--tokenizer", "bytes", "--steps", 1, "--batch", 1, "--out", tmp_path / "b")
    told(run("pretrain", *words, "--text", ROOT / "CONTRIBUTING.md", **ONE_THREAD))
    words = ("generate", "--weights", tiny, "--draft", tmp_path / "b")
    assert "has another vocabulary than --weights: draft with" in refused(1, *words, **ONE_THREAD)


def test_rounded_weights_take_a_quarter_and_say_nearly_the_same(tiny, rounded):
    printed = (rounded / "printed").read_text("utf-8")
    sizes = re.search(r"^weights +(\S+) MB before, (\S+) MB after$", printed, re.M).groups()
    both = r"^perplexity +(\S+) before, (\S+) after, on what was held out$"
    losses = re.search(both, printed, re.M).groups()
    before, after = (float(size) for size in sizes)
    assert 0.25 < after / before < 0.29
    assert float(losses[1]) == pytest.approx(float(losses[0]), rel=0.01)
    files = [(tiny / "model.safetensors"), (rounded / "model.int8.safetensors")]
    assert files[1].stat().st_size < 0.3 * files[0].stat().st_size
    kinds = {str(tensor.dtype)[6:] for tensor in load_file(files[1]).values()}
    assert kinds == {"int8", "float32"}
    assert not (rounded / "model.safetensors").exists()


def test_rounded_weights_write_and_are_measured(tiny, rounded, modern, tmp_path):
    assert write(rounded) == write(rounded, "--no-cache")
    words = ("evaluate", "--text", ROOT / "CONTRIBUTING.md", "--weights")
    found = [told(run(*words, folder, **ONE_THREAD)) for folder in (tiny, rounded)]
    losses = [float(re.search(r"^loss +(\S+) nats", text, re.M)[1]) for text in found]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    words = ("quantize", "--weights", modern, "--out", tmp_path / "gpt")
    text = told(run(*words, "--text", ROOT / "CONTRIBUTING.md", **ONE_THREAD))
    assert re.search(r"^perplexity .* on \S*CONTRIBUTING.md$", text, re.M)
    assert len(write(tmp_path / "gpt", "--temperature", 0)[0]) > 100


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (("quantize", "--out", "x"), "holds weights of a byte each already: name the model that"),
        (("finetune", "--out", "x"), "weights of a byte each, which do not learn: tune the model"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_rounded_weights_are_the_end(rounded, tmp_path, verb, sentence):
    name, *words = (tmp_path / "x" if word == "x" else word for word in verb)
    assert sentence in refused(1, name, "--weights", rounded, *words, **ONE_THREAD)
    assert not (tmp_path / "x" / "config.json").exists()


def test_a_folder_that_holds_a_model_is_not_written_to(tiny, rounded):
    for folder in (tiny, rounded):
        words = ("quantize", "--weights", tiny, "--out", folder)
        assert "holds a model already: name another --out" in refused(1, *words)


def test_rounded_weights_that_do_not_fit_are_refused(rounded, tmp_path):
    def emptied(folder: Path) -> None:
        (folder / "model.int8.safetensors").unlink()

    def halved(folder: Path) -> None:
        file = folder / "model.int8.safetensors"
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    def widened(folder: Path) -> None:
        change(folder / "config.json", n_embd=256)

    for number, (spoil, sentence) in enumerate(
        (
            (emptied, "holds no model.int8.safetensors"),
            (halved, "does not fit config.json"),
            (widened, "does not fit config.json"),
        )
    ):
        folder = Path(shutil.copytree(rounded, tmp_path / str(number)))
        spoil(folder)
        assert sentence in refused(1, "generate", "--weights", folder, **ONE_THREAD)


def test_a_modern_model_is_compared_with_the_plain_one_beside_it(modern, tiny):
    printed = (modern.parent / "printed").read_text("utf-8")
    sizes = {}
    for kind, folder in (("modern", "gpt"), ("plain", "plain")):
        line = rf"^{kind} +loss (\S+) on held-out windows, (\S+) weights: {folder}$"
        loss, size = re.search(line, printed, re.M).groups()
        sizes[kind] = int(size.replace(",", ""))
        [*_, last] = (modern.parent / folder / "metrics.jsonl").read_text("utf-8").splitlines()
        assert float(loss) == pytest.approx(json.loads(last)["held_out"], abs=1e-4)
    assert sizes["modern"] == pytest.approx(sizes["plain"], rel=2e-3)
    assert sizes["modern"] == sum(
        w.numel() for w in load_file(modern / "model.safetensors").values()
    )


def test_a_modern_run_goes_on_and_says_where_nothing_stands_beside_it(modern, tmp_path):
    folder = Path(shutil.copytree(modern, tmp_path / "gpt"))
    change(folder / "run.json", steps=5)
    printed = told(run("pretrain", "--resume", "--out", folder, **ONE_THREAD))
    assert "No plain run that was told the same stands beside it" in printed
    assert len((folder / "metrics.jsonl").read_text("utf-8").splitlines()) == 5


def test_a_modern_model_is_tuned(modern, colours, tmp_path):
    for number, words in enumerate(((), ("--lora", 2))):
        out = ("--out", tmp_path / str(number))
        words = ("finetune", "--weights", modern, "--data", colours, "--steps", 2, *out, *words)
        assert "exact answers" in told(run(*words, **ONE_THREAD))
        words = ("chat", "--weights", tmp_path / str(number), "--tokens", 3)
        assert told(run(*words, given="Which number has red ink?\n", **ONE_THREAD))


def test_fused_operators_are_those_of_the_plain_model(tmp_path):
    words = ("pretrain", "--modern", "--fused", "--out", tmp_path / "gpt")
    assert "--fused is for the plain GPT" in refused(2, *words)


@pytest.mark.parametrize("heads", [1, 2, 3, 4])
def test_a_modern_model_is_as_large_as_a_plain_one(heads):
    plain = KATAS.load("gpt/gpt_config")
    shape = plain.GPTConfig(100, 32, 24, 3, heads)
    size = plain.count_parameters(shape)
    modern = as_large_as(size, shape)
    model = ModernGPT(KATAS, modern)
    assert sum(p.numel() for p in model.parameters()) == count_parameters(modern)
    assert abs(count_parameters(modern) - size) <= 3 * 3 * 24 / 2


def test_what_a_folder_needs_is_said_before_it_is_read(tiny, modern, rounded, tmp_path):
    assert katas_of(tiny) == katas_of(tmp_path) == PLAIN
    assert katas_of(modern) == MODERN
    assert katas_of(rounded) == (*PLAIN, INT8)
    assert {*katas_of(modern, rounded)} == {*MODERN, *PLAIN, INT8}


def test_fused_operators_write_the_same(tiny, modern, rounded):
    alone = write(tiny, "--temperature", 0)
    assert write(tiny, "--temperature", 0, "--fused") == alone
    assert write(tiny, "--temperature", 0, "--fused", "--draft", tiny)[0] == alone[0]
    for folder in (modern, rounded):
        assert "--fused is for plain GPTs" in refused(1, "generate", "--weights", folder, "--fused")
    words = ("generate", "--weights", tiny, "--fused", "--no-cache")
    assert "--fused keeps what it has read" in refused(2, *words)


def test_a_fused_reader_scores_as_the_model_in_any_parts():
    model, _ = gpt()
    reader = FusedReader(KATAS, model)
    ids = torch.randint(20, (3, 12), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for sizes in ([12], [1] * 12, [4, 1, 5, 2]):
            caches = reader.caches()
            parts = [reader(part, caches) for part in ids.split(sizes, dim=1)]
            torch.testing.assert_close(torch.cat(parts, 1), model(ids), rtol=1e-4, atol=1e-4)


def greedy_ids(model, ids) -> list[int]:
    return KATAS.load("gpt/generate").generate(model, ids, 16, 12)[0].tolist()


def test_the_chain_holds():
    """Plain, cached, with as many heads of keys as of queries, and drafted by any model."""
    model, drafter = gpt()
    ids = torch.tensor([[3, 1, 4]])
    plain = greedy_ids(model, ids)
    assert greedy_ids(remembering(KATAS, model), ids) == plain
    grouped = deepcopy(model)
    for block in grouped.blocks:
        attention = KATAS.load("scaling/grouped_query").GroupedQueryAttention(16, 4, 4, bias=True)
        attention.load_state_dict(block.attn.state_dict())
        block.attn = attention
    assert greedy_ids(grouped, ids) == greedy_ids(remembering(KATAS, grouped), ids) == plain
    speculate = KATAS.load("scaling/speculative_decoding").speculate
    probs, generator = rule(KATAS, temperature=0), torch.Generator()
    for target in (model, remembering(KATAS, model), remembering(KATAS, grouped)):
        for guess in (drafter, remembering(KATAS, drafter), model, remembering(KATAS, model)):
            for k in (1, 3, 20):
                steps = speculate(target, guess, ids, 16, 12, probs, generator, k)
                assert [*ids[0].tolist(), *chain.from_iterable(steps)] == plain
