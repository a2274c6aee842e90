"""A run's frames as numbers: accuracy, scaling, saturation, elasticity, the clients' side, findings.

Imports `log`, `aligned` and `optimizer`, opens no file, and draws and lays out nothing. Begin with `summary`, where
every number of summary.json stands beside the function that defines it.
"""
