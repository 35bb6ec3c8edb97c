"""A GPT: blocks in a stack, and what is made of its scores."""
