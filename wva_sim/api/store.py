"""The objects of the embedded cluster, in API form: resource versions, watches, cascading deletes.

Synchronous and without locks: everything happens on one event loop. Objects handed out are the stored
ones and must be treated as read-only; writes go through `Store.update`, which replaces them.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wva_sim.api.defaults import DEFAULTS
from wva_sim.api.errors import ApiError, already_exists, invalid, not_found
from wva_sim.api.kinds import KINDS, Kind, find_kind
from wva_sim.api.times import Clock, rfc3339

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" if the kind has none), name

HISTORY_LENGTH = 2000  # changes kept per kind; a watch that starts before them gets 410 Expired
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # what the API server appends to generateName
FOREGROUND = "foregroundDeletion"
SERVER_OWNED = ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields")

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """One change of one object.

    ``previous`` is the object before it (None for ADDED): watches with selectors need both sides.
    """

    version: int
    type: str
    object: Json
    previous: Json | None


def deep_copy(value: Any) -> Any:
    """A copy of JSON data; several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: deep_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [deep_copy(item) for item in value]
    return value


class Store:
    """All objects of the cluster.

    Attributes
    ----------
    on_finalize_pod : callable or None
        Called with a pod whose deletion begins. If it returns True, the pod stays (terminating) until
        ``delete(..., grace_s=0)`` or `remove`; otherwise it vanishes at once.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.on_finalize_pod: Callable[[Json], bool | None] | None = None
        self._objects: dict[str, dict[Key, Json]] = {kind: {} for kind in KINDS}
        self._version = 0
        self._history: dict[str, deque[Change]] = defaultdict(lambda: deque(maxlen=HISTORY_LENGTH))
        self._oldest: dict[str, int] = defaultdict(int)  # per kind: the version before its kept history
        self._watchers: dict[str, dict[object, Callable[[Change], None]]] = defaultdict(dict)
        self._pending: deque[tuple[str, Change]] = deque()
        self._telling = False

    # Reading

    @property
    def version(self) -> int:
        """The resource version of the last change of anything."""
        return self._version

    def get(self, kind: str, namespace: str | None, name: str) -> Json | None:
        """The object, or None."""
        return self._objects[kind].get(_key(find_kind(kind), namespace, name))

    def list(self, kind: str, namespace: str | None = None, labels: dict[str, str] | None = None) -> list[Json]:
        """Objects by name, of one namespace or all, that carry all of the labels."""
        found = []
        for (at, _), obj in sorted(self._objects[find_kind(kind).kind].items()):
            if namespace and at != namespace:
                continue
            own = obj["metadata"].get("labels") or {}
            if all(own.get(key) == value for key, value in (labels or {}).items()):
                found.append(obj)
        return found

    def changes_since(self, kind: str, version: int) -> Sequence[Change]:
        """What happened to a kind after a resource version.

        Raises
        ------
        ApiError
            410 if the history no longer reaches back that far.
        """
        if version < self._oldest[kind]:
            raise ApiError(410, f"too old resource version: {version} ({self._version})")
        return [change for change in self._history[kind] if change.version > version]

    # Writing

    def create(self, obj: Json, dry_run: bool = False) -> Json:
        """Store a new object and fill in what the server owns.

        Parameters
        ----------
        obj : dict
            With kind and metadata.name or generateName; namespace ``default`` if it has none. Not changed.
        dry_run : bool
            Return what would be stored.

        Raises
        ------
        ApiError
            404 if its namespace does not exist, 409 if the name is taken, 422 without a name.
        """
        kind = find_kind(obj["kind"])
        new: Json = {"apiVersion": kind.api_version, **deep_copy(obj)}
        metadata = new["metadata"] = new.get("metadata") or {}
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
            if self.get("Namespace", None, metadata["namespace"]) is None:
                raise not_found(KINDS["Namespace"], metadata["namespace"])
        else:
            metadata.pop("namespace", None)
        version = self._version + 1
        metadata["name"] = metadata.get("name") or _generated_name(kind, metadata, version)
        key = _key(kind, metadata.get("namespace"), metadata["name"])
        if key in self._objects[kind.kind]:
            raise already_exists(kind, metadata["name"])
        metadata["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind.kind}/{key[0]}/{key[1]}/{version}"))
        metadata["creationTimestamp"] = rfc3339(self.clock.now())
        if kind.has_generation:
            metadata["generation"] = 1
        for name in SERVER_OWNED:
            metadata.pop(name, None)
        if kind.kind in DEFAULTS:
            DEFAULTS[kind.kind](new)
        if dry_run:
            return new
        self._commit(kind, key, "ADDED", new, None)
        return new

    def update(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        change: Callable[[Json], None],
        dry_run: bool = False,
    ) -> Json:
        """Let ``change`` edit a copy of the object and store that.

        If nothing changed, the resource version stays and nobody is told. A changed spec adds one to the
        generation. Taking the last finalizer off a deleted object removes it.

        Raises
        ------
        ApiError
            404 if there is no such object, or whatever ``change`` raises.
        """
        row = find_kind(kind)
        key = _key(row, namespace, name)
        old = self._objects[kind].get(key)
        if old is None:
            raise not_found(row, name)
        new: Json = deep_copy(old)
        change(new)
        if new == old:
            return old
        if row.has_generation and new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if dry_run:
            return new
        if new["metadata"].get("deletionTimestamp") and _only_finalizers_went(old, new):
            self._remove(row, key)
            return new
        self._commit(row, key, "MODIFIED", new, old)
        return new

    def delete(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        propagation: str = "Background",
        grace_s: int | None = None,
    ) -> None:
        """Delete an object and what it owns.

        Parameters
        ----------
        propagation : {"Background", "Foreground", "Orphan"}
            Foreground: the owner goes last; Orphan: what it owned stays.
        grace_s : int, optional
            0: pods vanish at once, also when a finalizing hook is set.

        Raises
        ------
        ApiError
            404 if there is no such object.
        """
        row = find_kind(kind)
        key = _key(row, namespace, name)
        obj = self._objects[kind].get(key)
        if obj is None:
            raise not_found(row, name)
        if propagation == "Orphan":
            self._orphan_dependents(obj["metadata"]["uid"])
        if propagation == "Foreground" and self._dependents(obj["metadata"]["uid"]):
            self._mark_deleted(row, key, finalizer=FOREGROUND)
            self._delete_dependents(obj["metadata"]["uid"], propagation)
            return
        if kind == "Pod" and grace_s != 0 and self.on_finalize_pod is not None:
            if obj["metadata"].get("deletionTimestamp"):
                return
            self._mark_deleted(row, key, grace_s=grace_s)
            if self.on_finalize_pod(self._objects[kind][key]):
                return
        if obj["metadata"].get("finalizers"):
            self._mark_deleted(row, key)
            return
        self._remove(row, key)

    def remove(self, kind: str, namespace: str | None, name: str) -> None:
        """Take an object away at once, whatever holds it back; nothing happens if it is gone."""
        row = find_kind(kind)
        key = _key(row, namespace, name)
        if key in self._objects[kind]:
            self._remove(row, key)

    # Watching

    def subscribe(self, kind: str, callback: Callable[[str, Json], None]) -> Callable[[], None]:
        """Call ``callback(type, object)`` after each change of a kind, in order.

        Types are ADDED, MODIFIED and DELETED. A change made inside a callback is told after the present one.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self.watch(kind, lambda change: callback(change.type, change.object))

    def watch(self, kind: str, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Like `subscribe`, with the whole `Change`."""
        token = object()
        self._watchers[find_kind(kind).kind][token] = callback

        def unsubscribe() -> None:
            self._watchers[kind].pop(token, None)

        return unsubscribe

    def compact(self) -> None:
        """Forget all history, so that a watch from an old resource version gets 410 Expired."""
        for kind in KINDS:
            self._history[kind].clear()
            self._oldest[kind] = self._version

    # Inside

    def _commit(self, kind: Kind, key: Key, type_: str, new: Json, old: Json | None) -> None:
        self._version += 1
        new["metadata"]["resourceVersion"] = str(self._version)
        if type_ == "DELETED":
            del self._objects[kind.kind][key]
        else:
            self._objects[kind.kind][key] = new
        change = Change(self._version, type_, new, old)
        history = self._history[kind.kind]
        if len(history) == history.maxlen:
            self._oldest[kind.kind] = history[0].version
        history.append(change)
        self._pending.append((kind.kind, change))
        self._tell()

    def _tell(self) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            while self._pending:
                kind, change = self._pending.popleft()
                for callback in tuple(self._watchers[kind].values()):
                    _call(callback, kind, change)
        finally:
            self._telling = False

    def _mark_deleted(self, kind: Kind, key: Key, grace_s: int | None = None, finalizer: str | None = None) -> None:
        old = self._objects[kind.kind][key]
        if grace_s is None:
            grace_s = (old.get("spec") or {}).get("terminationGracePeriodSeconds", 0)
        new = deep_copy(old)
        new["metadata"].setdefault("deletionTimestamp", rfc3339(self.clock.now()))
        new["metadata"].setdefault("deletionGracePeriodSeconds", grace_s)
        if finalizer and finalizer not in new["metadata"].get("finalizers", []):
            new["metadata"].setdefault("finalizers", []).append(finalizer)
        if new != old:
            self._commit(kind, key, "MODIFIED", new, old)

    def _remove(self, kind: Kind, key: Key) -> None:
        old = self._objects[kind.kind][key]
        self._commit(kind, key, "DELETED", deep_copy(old), old)
        if kind.kind == "Namespace":
            self._empty_namespace(key[1])
        self._delete_dependents(old["metadata"]["uid"], "Background")
        for owner in old["metadata"].get("ownerReferences") or []:
            self._finish_foreground(owner)

    def _empty_namespace(self, namespace: str) -> None:
        for kind, objects in self._objects.items():
            for key in [key for key in objects if key[0] == namespace]:
                if key in objects:  # an owner may have taken it along
                    self._remove(KINDS[kind], key)

    def _dependents(self, uid: str) -> Sequence[tuple[Kind, Key]]:
        return [
            (KINDS[kind], key)
            for kind, objects in self._objects.items()
            for key, obj in objects.items()
            if any(owner.get("uid") == uid for owner in obj["metadata"].get("ownerReferences") or [])
        ]

    def _delete_dependents(self, uid: str, propagation: str) -> None:
        for kind, (namespace, name) in self._dependents(uid):
            if (namespace, name) in self._objects[kind.kind]:
                self.delete(kind.kind, namespace or None, name, propagation)

    def _orphan_dependents(self, uid: str) -> None:
        def drop_owner(obj: Json) -> None:
            owners = [owner for owner in obj["metadata"]["ownerReferences"] if owner.get("uid") != uid]
            obj["metadata"]["ownerReferences"] = owners

        for kind, (namespace, name) in self._dependents(uid):
            self.update(kind.kind, namespace or None, name, drop_owner)

    def _finish_foreground(self, owner: Json) -> None:
        objects = self._objects.get(owner.get("kind", ""), {})
        for key, obj in tuple(objects.items()):
            metadata = obj["metadata"]
            waits = metadata["uid"] == owner.get("uid") and FOREGROUND in (metadata.get("finalizers") or [])
            if waits and not self._dependents(metadata["uid"]):
                self._remove(KINDS[owner["kind"]], key)


def _call(callback: Callable[[Change], None], kind: str, change: Change) -> None:
    try:
        callback(change)
    except Exception:  # one broken controller must not take the API down
        log.exception("a watcher of %s failed at %s", kind, change.type)


def _generated_name(kind: Kind, metadata: Json, version: int) -> str:
    if not metadata.get("generateName"):
        raise invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")])
    digest = hashlib.sha256(str(version).encode()).digest()
    suffix = "".join(SUFFIX_LETTERS[byte % len(SUFFIX_LETTERS)] for byte in digest[:5])
    return f"{metadata['generateName']}{suffix}"


def _key(kind: Kind, namespace: str | None, name: str) -> Key:
    return ((namespace or "default") if kind.namespaced else "", name)


def _only_finalizers_went(old: Json, new: Json) -> bool:
    return bool(old["metadata"].get("finalizers")) and not new["metadata"].get("finalizers")
