"""A Kubernetes API on loopback: what the real kubectl needs of it, and no more.

Imports nothing of ours: it serves objects and container logs and does not know what runs in the cluster; of time it
needs a `times.Clock`. Begin with `core.Api`, one function from request to response; `server` gives it a port, `store`
keeps the objects, `podlogs` the logs, `kinds` is the table of all that is served.
"""
