"""What the controller and the load generators wrote, as values: raw lines -> events -> rows of metrics.csv.

Imports nothing else of this package, and knows nothing of what its values are used for. Begin with `lines`, then
`events`, which reads by the table of log lines in `table/`, then `rows`, of which `sheet` makes a CSV file; `explain`
shows what was understood of a log.
"""
