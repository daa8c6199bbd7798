"""Bodies of the journal's links as words for the templates of `preserve.provenance.events`."""

from collections.abc import Mapping
from typing import Any

from checks.names import path_from_fields, show

Body = Mapping[str, Any]

_EVIDENCE = {
    "none": "none (nothing was reached)",
    "listed": "listed (a folder named it)",
    "sized": "sized (its size was asked for, no byte was read)",
    "claimed": "claimed (its provider stated a checksum, no byte was read)",
    "read": "read (its bytes were read, maybe out of a cache)",
    "read-medium": "read-medium (its bytes were read past the cache)",
}
_UNKNOWN = "not recorded"
_INTERRUPTED = "; it was stopped before it could be recorded, and a later run finished and recorded it"


class Words(dict[str, str]):
    """Fills a template; what is not there is said to be not recorded."""

    def __missing__(self, key: str) -> str:
        return _UNKNOWN


class Wording:
    """Names replicas, which the journal knows by their UUIDs: UUID -> name."""

    def __init__(self, replicas: Mapping[str, str]) -> None:
        self._replicas = replicas

    def of(self, body: Body, **more: object) -> Words:
        """The fields of a body, fit for showing; `more` is added to them or stands in their place."""
        fields = {**body.get("facts", {}), **body}
        words = Words({name: str(value) for name, value in fields.items() if isinstance(value, str | int)})
        words["copy"] = f"the copy of version {body.get('version')} on replica {self._replica(body)}"
        words["path"] = place(body)
        for name in ("source", "location"):
            if isinstance(fields.get(name), Mapping):
                words[name] = place(fields[name])
        for name in ("expected", "observed"):
            words[name] = _content(fields[name]) if name in fields else _UNKNOWN
        for name in ("evidence", "source_evidence"):
            if name in words:
                words[name] = _EVIDENCE.get(words[name], words[name])
        if "entry" in fields and fields["entry"] is None:
            words["entry"] = "nothing"
        if fields.get("cause_words"):
            words["cause"] = words["cause_words"]
        words["interrupted"] = _INTERRUPTED if fields.get("interrupted") else ""
        words["part"] = f"segment {body['segment']} of " if isinstance(body.get("segment"), int) else ""
        words.update((name, str(value)) for name, value in more.items())
        return words

    def _replica(self, body: Body) -> str:
        uuid = str(body.get("replica", _UNKNOWN))
        name = self._replicas.get(uuid)
        return uuid if name is None else f"{name} ({uuid})"


def evidence_of(body: Body) -> str:
    """The evidence of a check. One that reached no file has none, whatever level it began with."""
    reached: bool = body["good"] or body["bad"] or body["bytes_read"]
    return str(body["evidence"]) if reached else "none"


def evidence_words(label: str) -> str:
    """What a level of evidence means."""
    return _EVIDENCE.get(label, label)


def place(fields: Body) -> str:
    """The path in these fields as it may be shown; where there is none, the whole of it is meant."""
    path = path_from_fields(fields)
    return "the whole" if path is None else show(path)


def _content(known: object) -> str:
    """What was expected or observed somewhere, as far as it is known."""
    if not isinstance(known, Mapping) or not known:
        return "nothing that could be read"
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in known.items() if value is not None)
