"""How inputs are made: small alphabets in which what is difficult is likely."""

from hypothesis import strategies as st

PUNCTUATION = ",.:;?_!\"()'"

words = st.text("abXé-", min_size=1, max_size=4)
marks = st.sampled_from([*PUNCTUATION, "--"])
spaces = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0"])
prose = st.lists(words | marks | spaces, max_size=8).map("".join)
