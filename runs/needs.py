"""Which katas a model in a folder is made of."""

import json
from pathlib import Path

CONFIG = "config.json"
PLAIN = ("gpt/gpt_config", "gpt/gpt_model", "gpt/load_gpt2")
MODERN = (
    "embedding/rotary_embedding",
    "embedding/token_embedding",
    "layers/rms_norm",
    "layers/swiglu",
    "scaling/kv_cache",
)
INT8 = "scaling/int8_linear"


def katas_of(*folders: Path) -> tuple[str, ...]:
    """List them; a folder that cannot be read counts as one with a plain model."""
    needed = []
    for folder in folders:
        try:
            told = json.loads((folder / CONFIG).read_text("utf-8"))
            modern, int8 = told["model_type"] == "llama", "quantization_config" in told
        except (OSError, ValueError, KeyError, TypeError):  # said when the model is read
            modern = int8 = False
        needed += [*(MODERN if modern else PLAIN), *([INT8] if int8 else [])]
    return tuple(dict.fromkeys(needed))
