"""Errors in the form of the Kubernetes API: a ``Status`` object with code, reason and details."""

from __future__ import annotations

from typing import Any

from wva_sim.api.kinds import Kind

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class ApiError(Exception):
    """What the API answers instead of an object.

    Parameters
    ----------
    code : int
        HTTP status; it gives the reason unless one is passed.
    message : str
        Shown verbatim by kubectl after ``Error from server (Reason):``.
    reason : str, optional
        Machine-readable reason, such as ``AlreadyExists``.
    details : dict, optional
        ``name``, ``group``, ``kind`` (the plural resource), ``causes``.
    """

    def __init__(
        self, code: int, message: str, reason: str | None = None, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "InternalError")
        self.details = details

    def status(self) -> dict[str, Any]:
        """The error as a ``Status`` object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def details_of(kind: Kind, name: str) -> dict[str, Any]:
    """``details`` of an object: clients find out from them what was meant."""
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 as in ``jobs.batch "x" not found``."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=details_of(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 for a second object of the same name."""
    message = f'{kind.resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=details_of(kind, name))


def conflict(kind: Kind, name: str) -> ApiError:
    """409 for a write that is based on an old resourceVersion."""
    message = (
        f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, message, details=details_of(kind, name))


def invalid(kind: Kind, name: str, causes: list[tuple[str, str]]) -> ApiError:
    """422 with one cause per field.

    Parameters
    ----------
    causes : list of (field path, what is wrong with it)
    """
    texts = [f"{field}: {problem}" for field, problem in causes]
    body = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    listed = [{"reason": "FieldValueInvalid", "message": what, "field": where} for where, what in causes]
    details = details_of(kind, name) | {"kind": kind.kind, "causes": listed}
    return ApiError(422, f'{title} "{name}" is invalid: {body}', details=details)
