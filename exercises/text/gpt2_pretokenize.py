"""GPT-2's pre-tokenizer: the cuts that no merge may cross."""

import regex


def gpt2_pretokenize(text: str) -> list[str]:
    """Cut a text into words with the space before them, numerals, marks and white space.

    text  str          what is to be cut
    ->    list of str  the pieces, which joined are the text

    Source: Radford et al. 2019, the code of GPT-2.
    """
    raise NotImplementedError
