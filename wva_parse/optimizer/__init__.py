"""WVA's own arithmetic, to recompute its decisions: what it predicted and why, and what it would have decided.

`queueing`, `saturation` and `demand` are the arithmetic alone and import nothing of this package, so that `wva_sim` has
the first two of them; the rest imports `log` and `aligned` and opens no file. Begin with `queueing`, then `decisions`,
which makes the optimizer's decisions again, or with `saturation`, then `analyses`, which replays capacity mode.
"""
