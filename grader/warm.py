"""Imported once by the server that children are forked from, so that none of them imports it again.

What stands in memory by then is frozen: collecting garbage in a child costs next to nothing.
"""

import gc
import importlib

for module in ("hypothesis.strategies", "grader.reporter", "grader.plugin", "grader.fixtures"):
    importlib.import_module(module)
gc.collect()
gc.freeze()
