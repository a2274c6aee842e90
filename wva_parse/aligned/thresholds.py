"""Above what a pod counts as saturated and its queue as long, for whoever says nothing else."""

from __future__ import annotations

from typing import NamedTuple

KV_CACHE_THRESHOLD = 0.90
QUEUE_THRESHOLD = 5


class Thresholds(NamedTuple):
    """Above these a pod counts as saturated (KV usage, 0 to 1) and its queue as long (requests)."""

    kv_cache: float = KV_CACHE_THRESHOLD
    queue: float = QUEUE_THRESHOLD
