"""Requests and responses of the stand-in API, independent of any web framework, and what a path means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import yaml

from wva_sim.api import protobuf
from wva_sim.api.errors import ApiError
from wva_sim.api.kinds import BY_RESOURCE, Kind

Json = dict[str, Any]
JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes
    ----------
    path : str
        Without the secret prefix.
    prefix : str
        The secret prefix, for absolute URLs in answers.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    accept: str = ""
    content_type: str = JSON_TYPE
    body: bytes = b""
    prefix: str = ""
    host: str = "127.0.0.1"

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """A query parameter that is a whole number, or None.

        Raises
        ------
        ApiError
            400 if it is something else.
        """
        text = self.query.get(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise ApiError(400, f"{name}: expected a whole number, found {text!r}") from None

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return "All" in self.query.get("dryRun", "")

    @property
    def media_type(self) -> str:
        """The content type without parameters."""
        return self.content_type.partition(";")[0].strip()

    def data(self) -> Any:
        """The decoded body: JSON, YAML or Kubernetes protobuf.

        Raises
        ------
        ApiError
            400 if it cannot be decoded.
        """
        if self.media_type == protobuf.CONTENT_TYPE:
            return protobuf.decode(self.body)
        try:
            return orjson.loads(self.body)
        except ValueError as error:
            if "yaml" in self.media_type:
                return self._yaml()
            raise ApiError(400, f"the body is no JSON: {error}") from None

    def _yaml(self) -> Any:
        try:
            return yaml.safe_load(self.body)
        except yaml.YAMLError as error:
            raise ApiError(400, f"the body is no YAML: {error}") from None


class Response(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


class Stream(NamedTuple):
    """An answer that comes in pieces; the adapter must close ``chunks`` when the client leaves."""

    chunks: AsyncIterator[bytes]
    content_type: str = JSON_TYPE


def json_response(obj: Any, status: int = 200, warnings: Iterable[str] = ()) -> Response:
    """An object as JSON, with what kubectl prints as `Warning: ...`."""
    headers = tuple(("Warning", warning_header(text)) for text in warnings)
    return Response(status, orjson.dumps(obj), headers=headers)


def warning_header(text: str) -> str:
    """A warning of the API server, quoted for the header."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


class Target(NamedTuple):
    """The resource that a path names; without a name it is the collection."""

    kind: Kind
    namespace: str | None
    name: str | None
    subresource: str | None


def parse_target(path: str) -> Target:
    """Read ``/api/v1/…`` or ``/apis/GROUP/VERSION/…``.

    Raises
    ------
    ApiError
        404 if there is no such resource.
    """
    parts = [part for part in path.split("/") if part]
    group, version, rest = _group_version(parts)
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = BY_RESOURCE.get((group, version, rest[0])) if rest else None
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise unknown_path()
    name, subresource = ([*rest[1:], None, None])[:2]
    if subresource is not None and subresource not in kind.subresources:
        raise unknown_path()
    if name and kind.namespaced and not namespace:
        raise unknown_path()
    return Target(kind, namespace, name, subresource)


def _group_version(parts: list[str]) -> tuple[str, str, list[str]]:
    if len(parts) >= 2 and parts[0] == "api":
        return "", parts[1], parts[2:]
    if len(parts) >= 3 and parts[0] == "apis":
        return parts[1], parts[2], parts[3:]
    raise unknown_path()


def unknown_path() -> ApiError:
    """404 for a path that nothing serves."""
    return ApiError(404, "the server could not find the requested resource")
