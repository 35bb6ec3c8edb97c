"""What the katas add up to: written once, run on any tree of them."""
