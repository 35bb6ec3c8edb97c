"""From a string to numbers a model can read, and back."""
