"""How a position looks at the others."""
