"""Simple tokenizer, version 1: text to numbers and back, within a closed vocabulary."""

import re
from collections.abc import Sequence

from ..text.regex_tokenize import WITHOUT_COLONS, regex_tokenize


class SimpleTokenizerV1:
    """A tokenizer that knows the tokens of its vocabulary and no others."""

    def __init__(self, vocab: dict[str, int]):
        """Keep the vocabulary, and the same turned round.

        vocab  dict of str to int  the id of each token
        """
        self.str_to_int = vocab
        self.int_to_str = {number: token for token, number in vocab.items()}

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids.

        text  str          what is to be cut and looked up
        ->    list of int  the id of each token

        Raises KeyError with a token that is not in the vocabulary.
        """
        return [self.str_to_int[token] for token in regex_tokenize(text, WITHOUT_COLONS)]

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids into a text with one space between words, and none before a mark.

        ids  sequence of int  the ids of tokens
        ->   str              the text

        Raises KeyError with an id that is not in the vocabulary.
        """
        text = " ".join(self.int_to_str[number] for number in ids)
        return re.sub(r'\s+([,.?!"()\'])', r"\1", text)
