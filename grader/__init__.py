"""Judges any tree of katas, and says what is solved."""
