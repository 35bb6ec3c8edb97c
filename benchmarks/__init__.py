"""How fast the reference is, beside what a user would take instead."""
