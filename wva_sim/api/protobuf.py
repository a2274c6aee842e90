"""Decode the few requests that kubectl 1.32 and later sends as protobuf.

Access reviews, ``create namespace|configmap|secret`` and delete options: each a table from field number
to name. Everything that kubectl reads from a file it sends as JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from wva_sim.api.errors import ApiError

Json = dict[str, Any]

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"

# A message is {field number: (name, type)}; a type is a message, or one of these.
TEXT, NUMBER, TEXT_MAP, BYTES_MAP = "text", "number", "text map", "bytes map"
Message = dict[int, tuple[str, Any]]

METADATA: Message = {
    1: ("name", TEXT),
    2: ("generateName", TEXT),
    3: ("namespace", TEXT),
    11: ("labels", TEXT_MAP),
    12: ("annotations", TEXT_MAP),
}
RESOURCE_ATTRIBUTES: Message = {
    1: ("namespace", TEXT),
    2: ("verb", TEXT),
    3: ("group", TEXT),
    4: ("version", TEXT),
    5: ("resource", TEXT),
    6: ("subresource", TEXT),
    7: ("name", TEXT),
}
NON_RESOURCE_ATTRIBUTES: Message = {1: ("path", TEXT), 2: ("verb", TEXT)}
ACCESS_REVIEW_SPEC: Message = {
    1: ("resourceAttributes", RESOURCE_ATTRIBUTES),
    2: ("nonResourceAttributes", NON_RESOURCE_ATTRIBUTES),
}
MESSAGES: dict[str, Message] = {
    "SelfSubjectAccessReview": {1: ("metadata", METADATA), 2: ("spec", ACCESS_REVIEW_SPEC)},
    "SelfSubjectRulesReview": {1: ("metadata", METADATA), 2: ("spec", {1: ("namespace", TEXT)})},
    "SelfSubjectReview": {1: ("metadata", METADATA)},
    "Namespace": {1: ("metadata", METADATA)},
    "ConfigMap": {1: ("metadata", METADATA), 2: ("data", TEXT_MAP), 3: ("binaryData", BYTES_MAP)},
    "Secret": {1: ("metadata", METADATA), 2: ("data", BYTES_MAP), 3: ("type", TEXT)},
    "DeleteOptions": {1: ("gracePeriodSeconds", NUMBER), 4: ("propagationPolicy", TEXT)},
}
ENVELOPE: Message = {1: ("type", {1: ("apiVersion", TEXT), 2: ("kind", TEXT)})}
RAW_FIELD = 2  # of the envelope: the object itself


def decode(body: bytes) -> Json:
    """Read an enveloped object.

    Raises
    ------
    ApiError
        400 if this is no such envelope, 415 for a kind that is not in the table.
    """
    if not body.startswith(MAGIC):
        raise ApiError(400, "the body is declared as Kubernetes protobuf but does not begin like it")
    try:
        envelope = body[len(MAGIC) :]
        typed = _message(envelope, ENVELOPE).get("type", {})
        message = MESSAGES.get(typed.get("kind", ""))
        if message is None:
            known = ", ".join(sorted(MESSAGES))
            problem = f"{typed.get('kind', 'an unnamed kind')} as protobuf is not understood, only {known}"
            raise ApiError(415, f"{problem}; use kubectl with -f and a manifest")
        raw = next((value for number, value in _fields(envelope) if number == RAW_FIELD), b"")
        return {**typed, **_message(_as_bytes(raw), message)}
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ApiError(400, f"the protobuf body cannot be decoded: {error}") from None


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a field is longer than the message")
            value, at = data[at : at + length], at + length
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {wire}")
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where text or a message was expected")
    return value


def _message(data: bytes, message: Message) -> Json:
    result: Json = {}
    for number, value in _fields(data):
        if number not in message:
            continue
        name, type_ = message[number]
        if type_ == TEXT:
            if text := _as_bytes(value).decode():
                result[name] = text
        elif type_ == NUMBER:
            result[name] = value
        elif type_ in (TEXT_MAP, BYTES_MAP):
            entry = dict(_fields(_as_bytes(value)))
            item = _as_bytes(entry.get(2, b""))
            text = item.decode() if type_ == TEXT_MAP else base64.b64encode(item).decode()
            result.setdefault(name, {})[_as_bytes(entry.get(1, b"")).decode()] = text
        else:
            result[name] = _message(_as_bytes(value), type_)
    return result
