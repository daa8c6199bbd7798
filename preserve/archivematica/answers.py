"""What the Storage Service's JSON says, once it is understood; what is not understood is no answer."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from preserve.archivematica.asking import Answer, UnansweredError

_MESSAGE_CHARACTERS = 2_000
KINDS = ("changed", "missing", "untracked")
# The message of a check that succeeded is empty; one with such a word belongs to another outcome.
_OF_FAILURE = re.compile(
    "fail|error|corrupt|damag|invalid|mismatch|missing|incomplete|unable|cannot|could not|did not|not valid",
    re.IGNORECASE,
)
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An AIP as the Storage Service lists it. Texts may be empty; `size_bytes` None: not said."""

    uuid: UUID
    status: str = ""
    size_bytes: int | None = None
    stored: str = ""
    location: str = ""
    path: str = ""
    kind: str = ""
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `next`: the link to the next one."""

    packages: Sequence[Package]
    next: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """One file that the service complains of; `kind` is changed, missing or untracked."""

    kind: str
    path: bytes
    message: str = ""
    expected: Mapping[str, object] | None = None
    observed: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The answer to a check. `success` None: it was not determined. `timestamp`: of an older check that it goes by."""

    success: bool | None
    message: str = ""
    timestamp: str = ""
    failures: Sequence[Failure] = ()

    @property
    def damaged(self) -> bool:
        return self.success is False or bool(self.failures)


def refuse_status(answer: Answer, what: str) -> None:
    """UnansweredError for every status but 200."""
    if answer.status == 200:
        return
    if answer.status in _REFUSED:
        raise UnansweredError(
            f"the Storage Service refused the user or the key (HTTP {answer.status})",
            remedy="Look at `user` and `secret` below [archivematica].",
        )
    if answer.status == 404:
        raise UnansweredError(
            f"the Storage Service does not know {what} (HTTP 404)", remedy="Look at the UUID and url."
        )
    raise UnansweredError(f"the Storage Service answered HTTP {answer.status} about {what}")


def page(answer: Answer) -> Page:
    """A page of the list of packages; UnansweredError if it is none."""
    refuse_status(answer, "its list of packages")
    told = _mapping(_json(answer.body), "the list of packages")
    meta = _mapping(told.get("meta"), "the list's `meta`")
    objects = told.get("objects")
    if not isinstance(objects, list):
        raise UnansweredError("the list of packages has no `objects`")
    link, total = meta.get("next"), meta.get("total_count")
    if "next" not in meta or not isinstance(link, str | None):
        raise UnansweredError("the list of packages does not say whether it goes on")
    return Page([_package(each) for each in objects], link or None, _count(total))


def package(answer: Answer, uuid: UUID) -> Package:
    """One package; UnansweredError if it is none, or another."""
    refuse_status(answer, f"the AIP {uuid}")
    found = _package(_json(answer.body))
    if found.uuid != uuid:
        raise UnansweredError(f"the Storage Service told of {found.uuid} when it was asked about {uuid}")
    return found


def said(answer: Answer, uuid: UUID) -> Said:
    """The answer to a check; UnansweredError if nothing can be concluded from it."""
    refuse_status(answer, f"the AIP {uuid}")
    told = _mapping(_json(answer.body), "the answer to the check")
    success = told.get("success", "")
    if success is not None and not isinstance(success, bool):
        raise UnansweredError("the answer to the check does not say whether it succeeded")
    failures = _failures(told.get("failures"), strict=False)
    if success and not failures:
        _failures(told.get("failures"), strict=True)
        _refuse_half_said(told)
    return Said(
        success=success,
        message=_text(told.get("message")),
        timestamp=_text(told.get("timestamp")),
        failures=failures,
    )


def _refuse_half_said(told: Mapping[str, Any]) -> None:
    """UnansweredError unless an answer that calls all good is as a Storage Service gives it.

    It gives all lists of `failures.files`, empty ones too, and no message that tells of a failure; the date of the
    check that it goes by is text, or null.
    """
    files = _mapping(_mapping(told.get("failures"), "`failures`").get("files"), "`failures.files`")
    unknown = sorted(set(files) - set(KINDS)) + sorted(set(told["failures"]) - {"files"})
    if unknown:
        raise UnansweredError(f"the answer has failures of a kind that is not known here: {_text(unknown[0])}")
    for kind in KINDS:
        if kind not in files:
            raise UnansweredError(f"the answer has no `failures.files.{kind}`, which belongs to it")
    message, timestamp = told.get("message"), told.get("timestamp")
    if not isinstance(message, str | None) or not isinstance(timestamp, str | None):
        raise UnansweredError("the answer's `message` or `timestamp` is no text")
    if message and _OF_FAILURE.search(message):
        raise UnansweredError(f"the service contradicts itself: it calls the AIP good and says: {_text(message)}")


def _failures(told: object, *, strict: bool) -> list[Failure]:
    """Those named. What is no such list is refused where the service says that all is well."""
    found: list[Failure] = []
    try:
        files = _mapping(_mapping(told if told is not None else {}, "`failures`").get("files", {}), "`failures.files`")
        for kind in KINDS:
            entries = files.get(kind, [])
            if not isinstance(entries, list):
                raise UnansweredError(f"`failures.files.{kind}` is no list")
            found += [_failure(kind, each) for each in entries]
    except UnansweredError:
        if strict:
            raise
    return found


def _failure(kind: str, told: object) -> Failure:
    if isinstance(told, str):
        return Failure(kind, _bytes(told))
    entry = _mapping(told, f"an entry of `failures.files.{kind}`")
    path = entry.get("path")
    if not isinstance(path, str):
        raise UnansweredError(f"an entry of `failures.files.{kind}` has no path")
    algorithm = _text(entry.get("hash_type")) or "digest"
    expected, actual = _text(entry.get("expected")), _text(entry.get("actual"))
    return Failure(
        kind,
        _bytes(path),
        _text(entry.get("message")),
        {algorithm: expected} if expected else None,
        {algorithm: actual} if actual else None,
    )


def _package(told: object) -> Package:
    entry = _mapping(told, "a package")
    try:
        uuid = UUID(entry["uuid"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnansweredError("a package in the Storage Service's answer has no UUID") from None
    return Package(
        uuid=uuid,
        status=_text(entry.get("status")),
        size_bytes=_count(entry.get("size")),
        stored=_text(entry.get("stored_date")),
        location=_text(entry.get("current_location")),
        path=_text(entry.get("current_path")),
        kind=_text(entry.get("package_type")),
        encrypted=entry.get("encrypted") is True,
    )


def _json(body: bytes) -> object:
    try:
        found: object = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise UnansweredError("the Storage Service answered with something that is no JSON") from None
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which something is said twice can be read in two ways."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("said twice")
    return found


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnansweredError(f"{what} is not what was expected of a Storage Service")
    return value


def _text(value: object) -> str:
    return value[:_MESSAGE_CHARACTERS] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """A number of things; some versions send it as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62 else None


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")
