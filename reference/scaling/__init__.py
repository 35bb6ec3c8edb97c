"""The same model faster, larger, and on more machines."""
