"""Our GPT and that of `transformers` read each other's files, and say the same."""

import json
import shutil
from functools import partial
from pathlib import Path

import click
import pytest
import torch
from safetensors.torch import load_file

from grader.syllabus import ROOT
from grader.tests.running import refused, run
from grader.trees import Tree
from runs.model_files import read_model, read_weights, write_weights
from runs.remembering import remembering

transformers = pytest.importorskip(
    "transformers", reason="needs transformers: pip install -e .[benchmarks]"
)
KATAS = Tree("katas", ROOT / "reference")
SHAPES = [  # vocabulary, context, width, layers, heads
    (97, 16, 24, 3, 4),
    (50257, 8, 12, 1, 1),
    (31, 5, 32, 2, 8),
]


def saved_at_random(model, folder: Path):
    """Give a model random weights, large enough to tell apart, and save it."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder)
    return model


def published(shape, folder: Path, tied: bool = True):
    """Have `transformers` save a GPT-2 of random weights."""
    vocab, context, width, layers, heads = shape
    config = transformers.GPT2Config(
        vocab_size=vocab,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=tied,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    return saved_at_random(model, folder)


def ids_for(shape) -> torch.Tensor:
    vocab, context, *_ = shape
    return torch.randint(vocab, (3, context), generator=torch.Generator().manual_seed(1))


def ours_from(folder: Path):
    """Read a model, whatever its vocabulary."""
    return read_weights(KATAS, folder)[0]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_transformers_saved_is_read(shape, tied, tmp_path):
    theirs, ids = published(shape, tmp_path, tied), ids_for(shape)
    with torch.no_grad():
        torch.testing.assert_close(
            ours_from(tmp_path)(ids), theirs(ids).logits, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_we_saved_is_read_by_transformers(shape, tmp_path):
    published(shape, tmp_path)
    ours, ids = ours_from(tmp_path), ids_for(shape)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.mul_(0.9)
    write_weights(KATAS, ours.state_dict(), tmp_path)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, ours(ids), rtol=1e-5, atol=1e-5)


def test_a_model_with_gpt2s_vocabulary_writes_without_files_of_its_own(tmp_path):
    published(SHAPES[1], tmp_path)
    _, config, vocabulary, tokenizer, _ = read_model(KATAS, tmp_path)
    assert config.vocab == len(vocabulary.vocab) == 50_257
    assert tokenizer.encode("Hello, do you like tea?")[:3] == [15496, 11, 466]
    words = ("generate", "--weights", tmp_path, "--prompt", "Tea", "--tokens", 3)
    done = run(*words, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Tea")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "gpt"
    words = ("--tokenizer", "300", "--batch", 1, "--steps", 1, "--text", ROOT / "CONTRIBUTING.md")
    done = run("pretrain", "--out", folder, *words, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    return folder


def test_transformers_reads_what_pretrain_wrote(pretrained):
    theirs = transformers.GPT2LMHeadModel.from_pretrained(pretrained).eval()
    ours, _, _, tokenizer, _ = read_model(KATAS, pretrained)
    ids = tokenizer.encode("A mistake runs, and is wrong in one way.<|endoftext|>")
    assert ids == transformers.GPT2Tokenizer.from_pretrained(pretrained).encode(
        "A mistake runs, and is wrong in one way.<|endoftext|>"
    )
    assert ids[-1] == theirs.config.eos_token_id
    with torch.no_grad():
        found, right = ours(torch.tensor([ids])), theirs(torch.tensor([ids])).logits
    torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-5)


def test_a_gpt2_that_computes_otherwise_is_refused(pretrained, tmp_path):
    folder = shutil.copytree(pretrained, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["activation_function"] = "relu"
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    told = refused(1, "generate", "--weights", folder)
    assert "has activation_function 'relu', and a GPT of katas has 'gelu_new'" in told


def test_the_names_are_those_of_the_published_file(pretrained):
    names = load_file(pretrained / "model.safetensors").keys()
    assert {"wte.weight", "wpe.weight", "h.0.attn.c_attn.weight", "ln_f.bias"} <= names
    assert "lm_head.weight" not in names


LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
MODERN = [  # vocabulary, context, width, layers, heads, heads of keys, width inside
    (97, 16, 24, 3, 6, 2, 40),
    (31, 9, 16, 1, 2, 2, 24),
]


def llama(shape, folder: Path, **changed):
    """Have `transformers` save a Llama of random weights."""
    vocab, context, width, layers, heads, kv_heads, inner = shape
    told = {
        "vocab_size": vocab,
        "max_position_embeddings": context,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inner,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**(told | changed))).eval()
    return saved_at_random(model, folder)


@pytest.mark.parametrize("shape", MODERN, ids=str)
def test_a_modern_model_is_a_llama_and_back(shape, tmp_path):
    theirs, ids = llama(shape, tmp_path), ids_for(shape)
    ours = ours_from(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=1e-5, atol=1e-5)
        for parameter in ours.parameters():
            parameter.mul_(0.9)
        write_weights(KATAS, ours.state_dict(), tmp_path)
        again = transformers.LlamaForCausalLM.from_pretrained(tmp_path).eval()
        torch.testing.assert_close(again(ids).logits, ours(ids), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rms_norm_eps": 1e-6}, "rms_norm_eps 1e-06"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings False"),
        ({"attention_bias": True}, "attention_bias True"),
        ({"head_dim": 8}, "head_dim 8, and ours is 4"),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}, "rope_theta 500000.0"),
        (
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
            "rope_type",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_llama_that_we_cannot_run_is_refused(changed, told, tmp_path):
    llama(MODERN[0], tmp_path, **changed)
    with pytest.raises(click.ClickException, match=told):
        read_weights(KATAS, tmp_path)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_cached_writes_what_transformers_writes_with_its_cache(tied, tmp_path):
    for save, shape in ((partial(published, tied=tied), SHAPES[0]), (llama, MODERN[0])):
        theirs, ids = save(shape, tmp_path), ids_for(shape)[:, :4]
        remembering_ours = remembering(KATAS, ours_from(tmp_path))
        written = KATAS.load("gpt/generate").generate(remembering_ours, ids, 8, shape[1])
        options = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        assert torch.equal(written, theirs.generate(ids, **options))
