"""From ids to vectors that know what they stand for, and where they stand."""
