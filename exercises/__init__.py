"""Every kata, for you to solve."""
