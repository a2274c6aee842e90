"""Rows put on one time axis: frames, what was observed, which SLO held, predictions with observations.

Imports `log` only, opens no file and computes no statistic. Begin with `frames`, then `align`; `experiment` is the
record of a whole run, on which everything later works.
"""
