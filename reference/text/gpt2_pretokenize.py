"""GPT-2's pre-tokenizer: the cuts that no merge may cross."""

import regex

_PATTERN = regex.compile(
    r"'(?:[sdmt]|ll|ve|re)"  # the end of a contraction
    r"| ?\p{L}+"  # letters
    r"| ?\p{N}+"  # numerals
    r"| ?[^\s\p{L}\p{N}]+"  # anything else that can be seen
    r"|\s+(?!\S)"  # white space, but for its last character before a word
    r"|\s+"  # that character, if it is no space
)


def gpt2_pretokenize(text: str) -> list[str]:
    """Cut a text into words with the space before them, numerals, marks and white space.

    text  str          what is to be cut
    ->    list of str  the pieces, which joined are the text

    Source: Radford et al. 2019, the code of GPT-2.
    """
    return _PATTERN.findall(text)
