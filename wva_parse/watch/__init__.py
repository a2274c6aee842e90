"""During a run: the collector's merge of what the controller's pods print, and the live view of what has come so far.

Imports `log` and `aligned`, and nothing that needs a whole run; `collect` needs the standard library only, as it starts
once per poll. Begin with `collect` for the log, with `live` for the view.
"""
