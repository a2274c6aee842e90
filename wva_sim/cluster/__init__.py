"""What runs in the embedded cluster: its clock, pods, Deployments, Jobs, scalers, the controllers, and faults to order.

Imports `api`, `wva` and `vllm`, which know nothing of it; nothing but the command line imports it. Begin with
`cluster.Cluster`, which puts everything together, and `world.World`, which all parts share.
"""
