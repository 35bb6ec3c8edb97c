"""Whether children can be forked here. KATA_NO_FORK in the environment says no, as Windows does."""

import os

FORKS = hasattr(os, "fork") and "KATA_NO_FORK" not in os.environ
