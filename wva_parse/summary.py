"""A run's numbers, for notebooks: `from wva_parse.summary import summarize`."""

from wva_parse.measures.summary import summarize

__all__ = ["summarize"]
