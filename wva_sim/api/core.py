"""The core of the stand-in Kubernetes API: one function from request to response.

It serves what the real kubectl needs, from version 1.20 to 1.37, and leaves sockets to `wva_sim.api.server`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from wva_sim.api import crds, discovery, openapi, patch, podsecurity
from wva_sim.api.containers import choose_container, ended_containers, has_started, refuse_unreadable
from wva_sim.api.errors import ApiError, conflict, details_of, not_found
from wva_sim.api.fields import check_fields
from wva_sim.api.kinds import KINDS, Kind
from wva_sim.api.messages import Request, Response, Stream, Target, json_response, parse_target, unknown_path
from wva_sim.api.podlogs import LogOptions, PodLogs
from wva_sim.api.reviews import REVIEWS, USER, Rbac
from wva_sim.api.selectors import field_selector, label_selector, selector_text
from wva_sim.api.store import Store, deep_copy
from wva_sim.api.tables import table
from wva_sim.api.times import Clock, rfc3339nano
from wva_sim.api.validation import validate
from wva_sim.api.watch import WatchOptions, watch

Json = dict[str, Any]

Action = Callable[[Request, Target], "Response | Stream"]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
# A client may not set these; what is stored stays.
FIXED_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")

log = logging.getLogger(__name__)


class Api:
    """The API over a store and container logs.

    Attributes
    ----------
    admission : callable or None
        ``admission(verb, object)`` may raise `ApiError` (quota, policy) before a create, update or delete.
    rbac : callable or None
        Whether a request is allowed; asked by access reviews as well. None allows everything.
    on_faults : callable or None
        Gets the JSON body of ``POST /embedded/faults``; its result is the answer.
    """

    def __init__(self, store: Store, logs: PodLogs, clock: Clock) -> None:
        self.store = store
        self.logs = logs
        self.clock = clock
        self.admission: Callable[[str, Json], None] | None = None
        self.rbac: Rbac | None = None
        self.on_faults: Callable[[Any], Any] | None = None
        for definition in crds.definitions():
            if store.get("CustomResourceDefinition", None, definition["metadata"]["name"]) is None:
                store.create(definition)
        store.subscribe("Pod", self._follow_pod)

    @property
    def on_finalize_pod(self) -> Callable[[Json], bool | None] | None:
        """The store's hook of that name."""
        return self.store.on_finalize_pod

    @on_finalize_pod.setter
    def on_finalize_pod(self, hook: Callable[[Json], bool | None] | None) -> None:
        self.store.on_finalize_pod = hook

    def handle(self, request: Request) -> Response | Stream:
        """Answer a request; every error becomes a Status."""
        try:
            return self._route(request)
        except ApiError as error:
            return json_response(error.status(), error.code)
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            failure = ApiError(500, f"Internal error occurred: {error!r}")
            return json_response(failure.status(), failure.code)

    # Routing

    def _route(self, request: Request) -> Response | Stream:
        path = request.path.rstrip("/") or "/"
        if path in REVIEWS:
            return self._review(request, path)
        if path.startswith("/embedded/"):
            return self._embedded(request, path)
        if request.method == "GET" and (answer := self._about(request, path)) is not None:
            return answer
        return self._resource(request, parse_target(path))

    def _about(self, request: Request, path: str) -> Response | None:
        """Versions, health, discovery and OpenAPI."""
        if path in HEALTH_PATHS:
            return Response(200, b"ok", "text/plain")
        if path == "/version":
            return json_response(discovery.version())
        if path == "/openapi/v2":
            return Response(200, openapi.V2_DOCUMENT, openapi.V2_CONTENT_TYPE)
        if path == "/openapi/v3":
            return json_response(openapi.v3_index(request.prefix))
        document: Json | None = None
        parts = path.strip("/").split("/")
        if path.startswith("/openapi/v3/"):
            document = openapi.v3_document(path.removeprefix("/openapi/v3/"))
        elif path == "/api":
            document = discovery.api_versions(request.host)
        elif path == "/apis":
            document = discovery.group_list(self._served())
        elif len(parts) == 2:
            group = parts[1] if parts[0] == "apis" else ""
            document = discovery.group(group, self._served()) if group else discovery.resource_list("", parts[1])
        elif len(parts) == 3 and parts[0] == "apis":
            document = discovery.resource_list(parts[1], parts[2], self._served())
        return None if document is None else json_response(document)

    def _served(self) -> list[Kind]:
        return [kind for kind in KINDS.values() if self._is_served(kind)]

    def _is_served(self, kind: Kind) -> bool:
        """Custom kinds go with their definition."""
        return not kind.custom or self.store.get("CustomResourceDefinition", None, kind.resource) is not None

    def _review(self, request: Request, path: str) -> Response:
        if request.method != "POST":
            raise ApiError(405, "reviews can only be created")
        return json_response(REVIEWS[path](request.data(), self.rbac), 201)

    def _embedded(self, request: Request, path: str) -> Response:
        """What a real cluster does not have: the clock, and orders for faults."""
        if path == "/embedded/clock" and request.method == "GET":
            return json_response({"now": rfc3339nano(self.clock.now()), "speed": self.clock.speed})
        if path == "/embedded/faults" and request.method == "POST" and self.on_faults is not None:
            answer = self.on_faults(request.data())
            return json_response({} if answer is None else answer)
        raise unknown_path()

    def _resource(self, request: Request, target: Target) -> Response | Stream:
        if not self._is_served(target.kind):
            raise unknown_path()
        verb = _verb(request, target)
        self._authorize(verb, target)
        if target.name is None:
            actions: dict[str, Action] = {
                "list": self._list,
                "watch": self._watch,
                "create": self._create,
                "deletecollection": self._delete_collection,
            }
            return actions[verb](request, target)
        if target.subresource == "log":
            return self._log(request, target)
        if target.subresource == "scale":
            return self._scale(request, target)
        named: dict[str, Action] = {
            "get": self._get,
            "update": self._replace,
            "patch": self._patch,
            "delete": self._delete,
            "watch": self._watch,
        }
        return named[verb](request, target)

    def _authorize(self, verb: str, target: Target) -> None:
        kind, subresource = target.kind, target.subresource or ""
        if self.rbac is None or self.rbac(verb, kind.group, kind.plural, subresource, target.namespace):
            return
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
        what = f'{kind.resource} "{target.name}"' if target.name else kind.resource
        asked = f'User "{USER}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
        raise ApiError(403, f"{what} is forbidden: {asked}", details=details_of(kind, target.name or ""))

    # Reading

    def _list(self, request: Request, target: Target) -> Response:
        objects = self._select(request, target)
        version = str(self.store.version)
        if _wants_table(request):
            include = request.query.get("includeObject", "Metadata")
            return json_response(table(target.kind, objects, self.clock.now(), version, include))
        return json_response(_list_of(target.kind, objects, version))

    def _get(self, request: Request, target: Target) -> Response:
        obj = self._present(target)
        if not _wants_table(request):
            return json_response(obj)
        include = request.query.get("includeObject", "Metadata")
        version = obj["metadata"]["resourceVersion"]
        return json_response(table(target.kind, [obj], self.clock.now(), version, include))

    def _watch(self, request: Request, target: Target) -> Stream:
        version = request.number("resourceVersion") or None
        initial = request.flag("sendInitialEvents")
        if initial and request.query.get("resourceVersionMatch") != "NotOlderThan":
            raise ApiError(422, "sendInitialEvents requires resourceVersionMatch=NotOlderThan", "Invalid")
        options = WatchOptions(
            target.namespace,
            self._matcher(request, target),
            version,
            initial,
            request.number("timeoutSeconds"),
        )
        return Stream(self._encode_events(request, target.kind, options))

    async def _encode_events(self, request: Request, kind: Kind, options: WatchOptions) -> AsyncIterator[bytes]:
        wants_table = _wants_table(request)
        include = request.query.get("includeObject", "Metadata")
        events = watch(self.store, kind, options)
        try:
            async for type_, obj in events:
                if wants_table and type_ != "ERROR":
                    rows = [] if type_ == "BOOKMARK" else [obj]
                    version = obj["metadata"]["resourceVersion"]
                    document = table(kind, rows, self.clock.now(), version, include)
                    if type_ == "BOOKMARK":
                        empty = {"cells": [None] * len(document["columnDefinitions"]), "object": obj}
                        document["rows"] = [empty]
                    obj = document
                yield orjson.dumps({"type": type_, "object": obj}) + b"\n"
        finally:
            await events.aclose()

    def _log(self, request: Request, target: Target) -> Response | Stream:
        pod = self._present(target)
        container = choose_container(pod, request.query.get("container"))
        options = LogOptions(
            follow=request.flag("follow"),
            previous=request.flag("previous"),
            timestamps=request.flag("timestamps"),
            since_time=request.query.get("sinceTime"),
            since_seconds=request.number("sinceSeconds"),
            tail_lines=request.number("tailLines"),
            limit_bytes=request.number("limitBytes"),
        )
        if not has_started(pod):
            return Response(200, b"", "text/plain")
        refuse_unreadable(pod, container, options.previous)
        where = (target.namespace or "default", pod["metadata"]["name"], container)
        if options.follow:
            return Stream(self.logs.follow(*where, options), "text/plain")
        return Response(200, self.logs.read(*where, options), "text/plain")

    # Writing

    def _create(self, request: Request, target: Target) -> Response:
        obj = self._body_object(request, target)
        namespace = target.namespace
        if target.kind.namespaced:
            own = obj["metadata"].setdefault("namespace", namespace)
            if own != namespace:
                problem = "the namespace of the provided object does not match the namespace sent on the request"
                raise ApiError(400, problem)
        check_fields(obj, _is_strict(request))
        if "status" in target.kind.subresources:
            obj.pop("status", None)
        new = self.store.create(obj, dry_run=True)  # complete, with its defaults, so that it can be judged
        validate(target.kind, new)
        self._admit("create", new)
        self._refuse_insecure(target.kind, new)
        return json_response(new if request.dry_run else self.store.create(obj), 201, self._warnings(new))

    def _replace(self, request: Request, target: Target) -> Response:
        body = self._body_object(request, target)
        if body["metadata"].get("name", target.name) != target.name:
            raise ApiError(400, "the name of the object does not match the name on the URL")
        check_fields(body, _is_strict(request))
        new = self._change(request, target, lambda old: body)
        return json_response(new, warnings=self._warnings(new))

    def _patch(self, request: Request, target: Target) -> Response:
        applies = request.media_type == APPLY_PATCH
        if applies and self.store.get(target.kind.kind, target.namespace, target.name or "") is None:
            creating = target._replace(name=None, subresource=None)
            return self._create(request, creating)
        new = self._change(request, target, lambda old: self._patched(request, target.kind, old))
        return json_response(new, warnings=[] if target.subresource else self._warnings(new))

    def _patched(self, request: Request, kind: Kind, old: Json) -> Json:
        content, body = request.media_type, request.data()
        if content == JSON_PATCH:
            new = patch.json_patch(old, body)
        elif not isinstance(body, dict):
            raise ApiError(400, "the patch must be an object")
        elif content == MERGE_PATCH or (content == APPLY_PATCH and kind.custom):
            new = patch.merge_patch(old, body)
        elif content in (STRATEGIC_PATCH, APPLY_PATCH) and not kind.custom:
            new = patch.strategic_merge_patch(old, body)
        else:
            accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
            accepted += [] if kind.custom else [STRATEGIC_PATCH]
            message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            raise ApiError(415, message)
        check_fields(new, _is_strict(request))
        return new

    def _change(self, request: Request, target: Target, make: Callable[[Json], Json]) -> Json:
        """Replace an object by ``make(old)``, within what a client may change."""
        kind = target.kind
        self._present(target)

        def change(obj: Json) -> None:
            old = deep_copy(obj)
            new = make(old)
            _check_version(kind, old, new)
            _keep_server_owned(kind, old, new, target.subresource)
            validate(kind, new, old)
            self._admit("update", new)
            obj.clear()
            obj.update(new)

        return self.store.update(kind.kind, target.namespace, str(target.name), change, request.dry_run)

    def _delete(self, request: Request, target: Target) -> Response:
        obj = self._present(target)
        options = self._delete_options(request)
        wanted = options.get("preconditions") or {}
        for key in ("uid", "resourceVersion"):
            if wanted.get(key) not in (None, obj["metadata"][key]):
                raise conflict(target.kind, str(target.name))
        self._admit("delete", obj)
        if not request.dry_run:
            self._remove(obj, target.kind, options)
        details = details_of(target.kind, str(target.name)) | {"uid": obj["metadata"]["uid"]}
        return json_response(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    def _delete_collection(self, request: Request, target: Target) -> Response:
        objects = self._select(request, target)
        options = self._delete_options(request)
        for obj in objects:
            self._admit("delete", obj)
        for obj in [] if request.dry_run else objects:
            self._remove(obj, target.kind, options)
        return json_response(_list_of(target.kind, objects, str(self.store.version)))

    def _remove(self, obj: Json, kind: Kind, options: Json) -> None:
        metadata = obj["metadata"]
        if self.store.get(kind.kind, metadata.get("namespace"), metadata["name"]) is None:
            return  # went with its owner, earlier in the same request
        # Jobs deleted without a word about it leave their pods behind, as batch/v1 does.
        default = "Orphan" if kind.kind == "Job" else "Background"
        propagation = options.get("propagationPolicy") or default
        if options.get("orphanDependents") is not None:
            propagation = "Orphan" if options["orphanDependents"] else "Background"
        self.store.delete(
            kind.kind,
            metadata.get("namespace"),
            metadata["name"],
            propagation,
            options.get("gracePeriodSeconds"),
        )

    def _scale(self, request: Request, target: Target) -> Response:
        kind = target.kind
        if request.method == "GET":
            return json_response(_scale_of(self._present(target)))

        def with_replicas(old: Json) -> Json:
            scale = _scale_of(old)
            wanted = request.data() if request.method == "PUT" else self._patched(request, kind, scale)
            replicas = (wanted.get("spec") or {}).get("replicas", 0)
            if not isinstance(replicas, int):
                raise ApiError(400, f"spec.replicas: expected a whole number, found {replicas!r}")
            new: Json = deep_copy(old)
            new["spec"]["replicas"] = replicas
            new["metadata"]["resourceVersion"] = (wanted.get("metadata") or {}).get("resourceVersion")
            return new

        return json_response(_scale_of(self._change(request, target, with_replicas)))

    # Parts

    def _present(self, target: Target) -> Json:
        obj = self.store.get(target.kind.kind, target.namespace, str(target.name))
        if obj is None:
            raise not_found(target.kind, str(target.name))
        return obj

    def _matcher(self, request: Request, target: Target) -> Callable[[Json], bool]:
        by_label = label_selector(request.query.get("labelSelector", ""))
        by_field = field_selector(request.query.get("fieldSelector", ""))
        name = target.name
        return lambda obj: by_label(obj) and by_field(obj) and (name is None or obj["metadata"]["name"] == name)

    def _select(self, request: Request, target: Target) -> list[Json]:
        matches = self._matcher(request, target)
        return [obj for obj in self.store.list(target.kind.kind, target.namespace) if matches(obj)]

    def _body_object(self, request: Request, target: Target) -> Json:
        body = request.data()
        if not isinstance(body, dict):
            raise ApiError(400, "the body must be an object")
        kind = target.kind
        body.setdefault("kind", kind.kind)
        body.setdefault("apiVersion", kind.api_version)
        if (body["kind"], body["apiVersion"]) != (kind.kind, kind.api_version):
            found = f"{body['apiVersion']}, Kind={body['kind']}"
            raise ApiError(400, f"the object provided is unrecognized: {found} where {kind.kind} was expected")
        if not isinstance(body.get("metadata") or {}, dict):
            raise ApiError(400, "metadata must be an object")
        body["metadata"] = body.get("metadata") or {}
        return body

    def _delete_options(self, request: Request) -> Json:
        body = request.data() if request.body else {}
        options: Json = dict(body) if isinstance(body, dict) else {}
        for name in ("propagationPolicy", "gracePeriodSeconds"):
            if name in request.query:
                options[name] = request.query[name]
        if options.get("gracePeriodSeconds") is not None:
            options["gracePeriodSeconds"] = int(options["gracePeriodSeconds"])
        return options

    def _admit(self, verb: str, obj: Json) -> None:
        if self.admission is not None:
            self.admission(verb, obj)

    def _refuse_insecure(self, kind: Kind, obj: Json) -> None:
        """Pod Security admission, which comes after all others."""
        if kind.kind != "Pod":
            return
        name = obj["metadata"]["name"]
        problem = podsecurity.refusal(self.store.get("Namespace", None, obj["metadata"]["namespace"]), obj)
        if problem is not None:
            raise ApiError(403, f'{kind.resource} "{name}" is forbidden: {problem}', details=details_of(kind, name))

    def _warnings(self, obj: Json) -> list[str]:
        if obj["kind"] not in ("Pod", *podsecurity.TEMPLATED):
            return []
        text = podsecurity.warning(self.store.get("Namespace", None, obj["metadata"]["namespace"]), obj)
        return [] if text is None else [text]

    def _follow_pod(self, type_: str, pod: Json) -> None:
        """End the logs of what has ended."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if type_ == "DELETED":
            self.logs.drop(namespace, name)
            return
        for container in ended_containers(pod):
            self.logs.finish(namespace, name, container)


def _verb(request: Request, target: Target) -> str:
    """The verb that access rules know.

    Raises
    ------
    ApiError
        405 if the method makes no sense here.
    """
    watching = request.flag("watch")
    on_collection = {
        "GET": "watch" if watching else "list",
        "POST": "create",
        "DELETE": "deletecollection",
    }
    on_object = {
        "GET": "watch" if watching and not target.subresource else "get",
        "PUT": "update",
        "PATCH": "patch",
        "DELETE": "delete",
    }
    on_log = {"GET": "get"}
    allowed = on_collection if target.name is None else on_object
    if target.subresource == "log":
        allowed = on_log
    if request.method not in allowed or (target.subresource and request.method == "DELETE"):
        raise ApiError(405, "the server does not allow this method on the requested resource")
    return allowed[request.method]


def _is_strict(request: Request) -> bool:
    return request.query.get("fieldValidation") == "Strict"


def _wants_table(request: Request) -> bool:
    return "as=Table" in request.accept and "g=meta.k8s.io" in request.accept


def _check_version(kind: Kind, old: Json, new: Json) -> None:
    given = (new.get("metadata") or {}).get("resourceVersion")
    if given and given != old["metadata"]["resourceVersion"]:
        raise conflict(kind, old["metadata"]["name"])


def _keep_server_owned(kind: Kind, old: Json, new: Json, subresource: str | None) -> None:
    """Undo in ``new`` what this request may not change."""
    metadata = new.setdefault("metadata", {})
    for field in (*FIXED_METADATA, "name", "namespace", "resourceVersion"):
        metadata.pop(field, None)
        if field in old["metadata"]:
            metadata[field] = old["metadata"][field]
    metadata.pop("managedFields", None)
    new["kind"], new["apiVersion"] = old["kind"], old["apiVersion"]
    if subresource == "status":
        status = new.get("status")
        new.clear()
        new.update(old)
        if status is not None:
            new["status"] = status
    elif "status" in kind.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]


def _list_of(kind: Kind, objects: list[Json], version: str) -> Json:
    return {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": {"resourceVersion": version},
        "items": objects,
    }


def _scale_of(obj: Json) -> Json:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status = {
        "replicas": obj.get("status", {}).get("replicas", 0),
        "selector": selector_text(obj["spec"].get("selector") or {}),
    }
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in kept},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": status,
    }
