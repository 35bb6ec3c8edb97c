"""From a model that continues to a model that answers."""
