"""Before a run: an experiment's config and its Jobs, checked, as a schedule; several of them as a series.

Imports `log` only (to read JSON), and nothing that analyses a run. Begin with `config`.
"""
