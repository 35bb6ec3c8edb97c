"""The grader and the house, tested."""
