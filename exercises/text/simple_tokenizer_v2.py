"""Simple tokenizer, version 2: a place for unknown words, and for the end of a text."""

from ..text.regex_tokenize import WITHOUT_COLONS, regex_tokenize
from ..text.simple_tokenizer_v1 import SimpleTokenizerV1


class SimpleTokenizerV2(SimpleTokenizerV1):
    """A tokenizer that has an id for every token of any text."""

    def __init__(self, vocab: dict[str, int]):
        """Keep a vocabulary that has both markers.

        vocab  dict of str to int  the id of each token, `<|unk|>` and `<|endoftext|>` among them

        Raises ValueError with each marker that is missing.
        """
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Turn any text into ids, that of `<|unk|>` for each unknown token.

        text  str          what is to be cut and looked up
        ->    list of int  the id of each token
        """
        raise NotImplementedError
