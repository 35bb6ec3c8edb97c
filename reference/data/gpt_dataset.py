"""Dataset and loader: the windows of a text, in batches."""

import tiktoken
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..data.sliding_windows import sliding_windows


class GPTDatasetV1(Dataset):
    """The windows of a text, each with its targets one step later."""

    def __init__(self, txt: str, tokenizer, max_length: int, stride: int):
        """Encode a text, and cut it into windows.

        txt         str                 the text; `<|endoftext|>` in it is a special token
        tokenizer   has encode(txt, allowed_special=...), which returns a list of ids
        max_length  int                 the length of a window
        stride      int                 the way from one window to the next
        """
        ids = tokenizer.encode(txt, allowed_special={"<|endoftext|>"})
        self.inputs, self.targets = sliding_windows(ids, max_length, stride)

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.inputs)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        """Return one window and its targets.

        idx  int                    counts from the end if it is negative
        ->   (max_length,), twice   inputs and targets, int64

        Raises IndexError if there is no such window.
        """
        return self.inputs[idx], self.targets[idx]


def create_dataloader_v1(
    txt: str,
    batch_size: int = 4,
    max_length: int = 256,
    stride: int = 128,
    shuffle: bool = True,
    drop_last: bool = True,
    num_workers: int = 0,
) -> DataLoader:
    """Load the windows of a text in batches, in GPT-2's ids.

    shuffle      bool  in a new order at each epoch
    drop_last    bool  leave out a last batch that is too small
    num_workers  int   helper processes that fetch the items; 0 for none
    ->           yields [inputs, targets], each (batch_size, max_length) and int64
    """
    dataset = GPTDatasetV1(txt, tiktoken.get_encoding("gpt2"), max_length, stride)
    return DataLoader(
        dataset, batch_size, shuffle=shuffle, drop_last=drop_last, num_workers=num_workers
    )
