"""From numbers to batches."""
