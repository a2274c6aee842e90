"""The simulated WVA: what it decides, and the log lines in which each family of releases tells it.

Imports nothing outside itself but WVA's arithmetic (`wva_parse.optimizer.queueing` and `saturation`): observations go
in, decisions and lines come out, without clock or cluster. Begin with `decide.Controller` for the decisions, `findings`
for the records they come in, `dialects.DIALECTS` for the releases.
"""
