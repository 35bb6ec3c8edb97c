"""How a model learns to continue text."""
