"""WVA's own arithmetic, to recompute its decisions: what it predicted and why, and what it would have decided.

`queueing` is the arithmetic alone: numpy, and nothing of this package, so that `wva_sim` has the same one; the rest
imports `log` and `aligned` and opens no file. Begin with `queueing`, then `decisions`, which replays a run.
"""
