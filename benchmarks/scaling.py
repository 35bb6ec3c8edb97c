"""What the chapter scaling saves and costs: attention block by block, weights of a byte each."""

import pydoc_data.topics
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.alone import measured
from benchmarks.rounds import interleaved, ratios
from grader.syllabus import ROOT
from grader.trees import Tree
from reference.attention.masks import causal_mask
from reference.attention.scaled_dot_product import scaled_dot_product
from reference.data.get_batch import get_batch
from reference.gpt.generate import generate
from reference.gpt.gpt_config import GPTConfig
from reference.gpt.gpt_model import GPT
from reference.pretraining.param_groups import param_groups
from reference.pretraining.perplexity import evaluate, perplexity
from reference.pretraining.training_loop import train_step
from reference.scaling.flash_attention import flash_attention
from reference.scaling.int8_linear import weight_bytes
from reference.scaling.kv_cache import CachedGPT
from runs.eight_bits import to_int8
from runs.fused import FusedGPT
from runs.remembering import Remembering

HEADS, D_HEAD, BLOCK = 6, 64, 128
STEPS, WINDOWS, CONTEXT, WRITTEN = 400, 64, 128, 100


def written_out(x: Tensor) -> Tensor:
    return scaled_dot_product(x, x, x, causal_mask(x.shape[-2]))


def by_blocks(x: Tensor) -> Tensor:
    return flash_attention(x, x, x, BLOCK, BLOCK, causal=True)[0]


def by_torch(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x, is_causal=True)


ATTENTIONS = {"written out": written_out, "flash_attention": by_blocks, "torch's fused": by_torch}


def attend(name: str, T: int, backward: bool):
    """Make a run of causal attention in six heads over T positions, forward, and back if asked."""
    x = torch.randn(1, HEADS, T, D_HEAD, generator=torch.Generator().manual_seed(0))

    def run() -> Tensor:
        given = x.clone().requires_grad_(backward)
        output = ATTENTIONS[name](given)
        if backward:
            output.backward(x)
        return given.grad if backward else output

    return run


def attention(T: int, backward: bool, rounds: int) -> list[dict]:
    """Time each. Raises AssertionError if one gives something else."""
    runs = {name: attend(name, T, backward) for name in ATTENTIONS}
    for name, run in runs.items():
        torch.testing.assert_close(run(), runs["written out"](), rtol=1e-3, atol=1e-4, msg=name)
    rows = ratios(interleaved(runs, rounds), "written out")
    for row in rows:
        row["MiB"] = measured("attend", row["program"], str(T), str(int(backward)))[1]
    return rows


def trained() -> tuple[GPT, Tensor]:
    """Train a tiny GPT on bytes for a moment. Return it with windows that it has not learned."""
    ids = torch.tensor([*"\n".join(pydoc_data.topics.topics.values()).encode()])
    train, rest = ids.split([len(ids) * 9 // 10, len(ids) - len(ids) * 9 // 10])
    torch.manual_seed(0)
    model = GPT(GPTConfig(256, CONTEXT, 128, 4, 4))
    fused, generator = FusedGPT(model, 4), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(param_groups(model, 0.1), fused=True)
    for _ in range(STEPS):
        batch = get_batch(train.numpy(), 8, CONTEXT, generator)
        train_step(fused, [batch], optimizer, lr=1e-3, max_norm=1.0, loss=fused.loss)
    return model.eval(), rest[: WINDOWS * CONTEXT + 1]


def eight_bits(rounds: int) -> list[dict]:
    """Compare a model with itself in a byte a weight: size, perplexity, reading and writing."""
    model, held_out = trained()
    models = {"float32": model, "int8": deepcopy(model)}
    to_int8(Tree("katas", ROOT / "reference"), models["int8"])
    windows = held_out[:-1].view(-1, CONTEXT), held_out[1:].view(-1, CONTEXT)
    reading = {name: reader(one, windows) for name, one in models.items()}
    writing = {name: writer(one, windows[0][:1, :16]) for name, one in models.items()}
    rows = ratios(interleaved(writing, rounds), "float32")
    again = ratios(interleaved(reading, rounds), "float32")
    for row, read in zip(rows, again, strict=True):
        row["perplexity"] = perplexity(reading[row["program"]]())
        row["kB"] = weight_bytes(models[row["program"]]) / 1e3
        row["times the time to read"] = read["ratio"]
    return rows


def reader(model: nn.Module, windows):
    return lambda: evaluate(model, [windows])


def writer(model: nn.Module, ids: Tensor):
    cached = CachedGPT(model)
    return lambda: generate(Remembering(cached, cached.caches()), ids, WRITTEN, CONTEXT)
