"""A GPT writes 200 tokens, with a cache and without, beside that of `transformers`."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.gpt import CONTEXT, batch, reference, transformers
from benchmarks.rounds import interleaved, ratios
from grader.syllabus import ROOT
from grader.trees import Tree
from reference.gpt.generate import generate
from reference.gpt.gpt_model import GPT
from reference.scaling.kv_cache import CachedGPT
from runs.fused_reader import FusedReader, quick
from runs.remembering import Remembering

WRITTEN, PROMPT = 200, 16
KATAS = Tree("katas", ROOT / "reference")
QUIET = {"pad_token_id": 0}


def writing(vocab: int, rounds: int) -> list[dict]:
    """Time 200 tokens, the likeliest each time. Raises AssertionError if they differ."""
    model, theirs = reference(vocab).eval(), transformers(vocab).eval()
    ids, fused = batch(vocab)[0][:1, :PROMPT], FusedReader(KATAS, model)

    def others(cache: bool):
        return theirs.generate(
            ids,
            max_new_tokens=WRITTEN,
            do_sample=False,
            use_cache=cache,
            eos_token_id=None,
            **QUIET,
        )

    programs = {
        "transformers": lambda: others(False),
        "with its cache": lambda: others(True),
        "reference": lambda: generate(model, ids, WRITTEN, CONTEXT),
        "and its cache": lambda: generate(remembering(CachedGPT(model)), ids, WRITTEN, CONTEXT),
        "with --fused": lambda: generate(remembering(fused), ids, WRITTEN, CONTEXT),
    }
    written = {name: program() for name, program in programs.items()}
    for name, row in written.items():
        assert torch.equal(row, written["transformers"]), name
    programs["products alone"] = lambda: products(model)
    rows = ratios(interleaved(programs, rounds), "with its cache")
    fetched = 4 * sum(w.numel() for w in model.parameters()) / 1e9
    for row in rows:
        row["tokens per second"] = WRITTEN / row["seconds"]
        if row["program"] == "products alone":
            row["GB per second"] = fetched * WRITTEN / row["seconds"]
    return rows


def remembering(model: nn.Module) -> nn.Module:
    return Remembering(model, model.caches())


def products(model: GPT) -> None:
    """Multiply a row by every weight, once for each token: what no cache can save.

    Every weight comes from memory for every token: this is bound by how fast that is.
    """
    matrices = (w for n, w in model.named_parameters() if w.ndim == 2 and n != "pos.weight")
    weights = [quick(w.detach()) for w in matrices]
    rows = {w.shape[1]: torch.randn(1, w.shape[1]) for w in weights}
    with torch.no_grad():
        for _ in range(WRITTEN):
            for weight in weights:
                F.linear(rows[weight.shape[1]], weight)
