"""Simulated vLLM servers, the load on them, and what the load generator prints.

Imports nothing outside itself: requests in simulated seconds, without clock or cluster. Begin with `servers.Fleet`,
all replicas of a model behind a router, and `load.Load`; `bench` writes the words of `vllm bench serve`.
"""
