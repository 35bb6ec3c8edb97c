"""A classifier that `finetune --classify` wrote, read again."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from grader.trees import Tree
from runs.model_files import Loaded, read_model, reason, unfit
from runs.vocabulary import end_of_text

DATA, CLASSIFIER = "finetuning/classification_data", "finetuning/classifier"
HEAD, LABELS = "classifier.safetensors", "labels.json"


class Classifier:
    """A classifier that was read from a folder."""

    def __init__(self, katas: Tree, folder: Path):
        """Read it. Raises click.ClickException if it is not whole."""
        self.katas, self.loaded = katas, read_model(katas, folder)
        try:
            told = json.loads((folder / LABELS).read_text("utf-8"))
            self.labels, self.max_length = [*map(str, told["labels"])], int(told["max_length"])
            katas.load(CLASSIFIER).to_classifier(self.loaded.model, len(self.labels))
            self.loaded.model.head.load_state_dict(load_file(folder / HEAD))
        except FileNotFoundError:
            raise unfit(folder, f"holds no {HEAD}") from None
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise unfit(folder / LABELS, f"does not fit {HEAD} ({reason(error)})") from None
        self.loaded.model.eval()

    def label(self, text: str) -> tuple[str, float]:
        """Return the likeliest label of a text, and how likely it is."""
        dataset = dataset_of(self.katas, self.loaded, [(text, 0)], self.max_length)
        [(ids, lengths, _)] = DataLoader(dataset, 1)
        with torch.no_grad():
            scores = self.loaded.model(ids)
        last = self.katas.load(CLASSIFIER).last_token_logits(scores, lengths)[0]
        shares = last.softmax(-1)
        return self.labels[int(shares.argmax())], float(shares.max())


def dataset_of(katas: Tree, loaded: Loaded, rows: Iterable[tuple[str, int]], longest: int | None):
    """Encode texts."""
    pad = end_of_text(loaded.vocabulary) or 0
    dataset = katas.load(DATA).TextClassificationDataset
    return dataset([*rows], loaded.tokenizer.encode, longest, pad)
