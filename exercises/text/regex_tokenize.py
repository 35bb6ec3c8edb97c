"""Regex tokenizer: a text is cut into words and punctuation."""

import re

WITH_COLONS = ",.:;?_!\"()'"
WITHOUT_COLONS = ",.?_!\"()'"


def regex_tokenize(text: str, separators: str = WITH_COLONS) -> list[str]:
    """Cut a text at separators, `--` and white space, and keep all but the white space.

    text        str          what is to be cut
    separators  str          each character of it is a token of its own
    ->          list of str  the tokens, in order
    """
    raise NotImplementedError
