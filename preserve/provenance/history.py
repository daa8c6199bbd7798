"""What the journal tells of one package, link by link, as events are to say it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from checks.evidence import Outcome
from checks.findings import Code, Finding
from checks.names import path_from_fields, show
from preserve.catalog.rows import JournalRow
from preserve.errors import LOOK_AT_CATALOG, UndeterminedError, UnreadableError
from preserve.provenance.events import ADOPTED, CHECK, COPY, EVENTS, FINDING, NOT_EVENTS, SUMMARY, Mapped
from preserve.provenance.tallies import CheckTally, Copying
from preserve.provenance.wording import Body, Wording, Words, evidence_of, evidence_words

_OUTCOMES = {Outcome.PASS: "suc", Outcome.FAIL: "fai", Outcome.INCONCLUSIVE: "war"}
_UNDETERMINED = "it could not be determined: this is neither success nor damage"
_ADOPTED_FROM = "the bag that lay in the folder {adopted_in} of replica {adopted_on}, adopted in place"
_NAMED = 3  # of the files that a check of named files read, so many are named


class EventDetail(StrEnum):
    """SUMMARY has one event for each audit of a copy and one for each finding; ALL has each check instead."""

    SUMMARY = "summary"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, before it is PREMIS. `key` tells it from others of its link; `body` says of which file it speaks."""

    mapped: Mapped
    link: JournalRow
    when: str
    body: Body
    words: Words
    outcome: str
    key: bytes = b""
    more: tuple[str, ...] = field(default=())  # notes besides the mapping's


class History:
    """Goes through a package's links once. What it keeps is one tally for each audit of a copy."""

    def __init__(self, links: Iterable[JournalRow], wording: Wording, detail: EventDetail) -> None:
        self._links = links
        self._wording = wording
        self._summing = detail is EventDetail.SUMMARY
        self._shards: dict[int, int] = {}  # of each version
        self._copying: dict[tuple[object, ...], Copying] = {}
        self._tallies: dict[tuple[object, ...], CheckTally] = {}

    def told(self) -> Iterator[Told]:
        """The events; summaries of checks last.

        Raises:
            UndeterminedError: a link of a kind that is not known, so that the history would have a gap.
            UnreadableError: a link that is none.
        """
        for link in self._links:
            body = body_of(link)
            if link.kind == "check":
                yield from self._check(link, body)
            elif link.kind == "copy-recorded":
                copying = Copying(link, body, self._shards.get(body["version"], body["checks"]))
                self._copying[_copy(body)] = copying
                yield from self._finished(copying)
            elif link.kind in EVENTS:
                yield from self._act(link, body)
            elif link.kind not in NOT_EVENTS:
                raise UndeterminedError(
                    f"the journal has a link of an unknown kind, {link.kind}, at number {link.number}",
                    remedy="A newer preserve wrote it; export with that one.",
                )
        for copying in self._copying.values():
            yield self._copied(copying)
        if self._summing:
            yield from map(self._summary, self._tallies.values())

    def _act(self, link: JournalRow, body: Body) -> Iterator[Told]:
        more = {}
        if link.kind == "package-added":
            self._shards[body["version"]] = body["shards"]
            # Whoever takes in something without reading it has to say so in the facts.
            more["evidence"] = evidence_words(body["facts"].get("evidence", "read"))
            if "adopted_in" in body["facts"]:
                more["source"] = _ADOPTED_FROM.format(**body["facts"])
        for mapped in EVENTS[link.kind]:
            words = self._wording.of(body, **more)
            outcome = mapped.outcome or "war"
            yield Told(
                mapped=mapped, link=link, when=body["at"], body=body, words=words, outcome=outcome, key=mapped.name
            )

    def _check(self, link: JournalRow, body: Body) -> Iterator[Told]:
        alone = "audit" not in body and "paths" not in body
        copying = self._copying.get(_copy(body)) if alone else None
        tally = self._tally(link, body) if copying is None else _begun(copying, link, body)
        tally.take(link, body)
        if not self._summing:
            yield self._checked(link, body, tally.occasion)
        for number, found in enumerate(body.get("findings", ())):
            finding = Finding(
                code=Code(found["code"]), path=path_from_fields(found), parameters=found.get("parameters", {})
            )
            if finding.meaning.outcome is Outcome.PASS or (self._summing and _said(tally, finding)):
                continue
            yield self._found(link, body, found, number, finding, tally.occasion)
        if copying is not None:
            yield from self._finished(copying)

    def _tally(self, link: JournalRow, body: Body) -> CheckTally:
        named = "paths" in body
        if "audit" in body:
            occasion = f", in audit {body['audit']}"
        else:
            occasion = f", outside of an audit on {body['at'][:10]}{' (named files only)' if named else ''}"
        return self._tallies.setdefault((occasion, *_copy(body)), CheckTally.begin(occasion, link, body))

    def _checked(self, link: JournalRow, body: Body, occasion: str) -> Told:
        words = self._wording.of({**body, "evidence": evidence_of(body)}, extent=_extent(body), occasion=occasion)
        outcome = Outcome(body["outcome"])
        return _of_checks(CHECK, link, body, words, outcome, f"{body['started_at']}/{body['at']}")

    def _found(self, link: JournalRow, body: Body, found: Body, number: int, finding: Finding, occasion: str) -> Told:
        fields = {name: value for name, value in found.items() if name.startswith("path")}
        named = {**body, **found.get("parameters", {}), "path": None, **fields, "evidence": evidence_of(body)}
        words = self._wording.of(named, code=finding.code.value, message=finding.message, occasion=occasion)
        when = f"{body['started_at']}/{body['at']}"
        return _of_checks(FINDING, link, named, words, finding.meaning.outcome, when, b"\0%d" % number)

    def _finished(self, copying: Copying) -> Iterator[Told]:
        """The copying, once all checks that read it back were met."""
        if not copying.complete:
            return
        del self._copying[_copy(copying.body)]
        yield self._copied(copying)
        if self._summing and copying.tally is not None:
            yield self._summary(copying.tally)

    def _copied(self, copying: Copying) -> Told:
        body = copying.body
        words = self._wording.of(body, **copying.words())
        mapped = ADOPTED if body.get("adopted") else COPY
        return _of_checks(mapped, copying.link, body, words, copying.outcome, body["at"])

    def _summary(self, tally: CheckTally) -> Told:
        shards = self._shards.get(tally.body["version"], "an unknown number of")
        words = self._wording.of(tally.body, **tally.words(), shards=shards)
        when = f"{tally.started_at}/{tally.ended_at}"
        last = f"last of these checks: {chain_place(tally.last)}"
        return _of_checks(SUMMARY, tally.first, tally.body, words, tally.outcome, when, more=(last,))


def body_of(link: JournalRow) -> dict[str, Any]:
    """What a link says; UnreadableError if it says nothing."""
    try:
        body = json.loads(link.body)
    except (ValueError, TypeError) as error:
        raise _no_link(link) from error
    if not isinstance(body, dict):
        raise _no_link(link)
    return body


def _no_link(link: JournalRow) -> UnreadableError:
    return UnreadableError(f"link {link.number} of the catalog's journal cannot be read as one", remedy=LOOK_AT_CATALOG)


def chain_place(link: JournalRow) -> str:
    """Where a link is found in the journal."""
    return f"link {link.number} of the journal, SHA-256 {link.hash.hex()}"


def _of_checks(
    mapped: Mapped,
    link: JournalRow,
    body: Body,
    words: Words,
    outcome: Outcome,
    when: str,
    key: bytes = b"",
    more: tuple[str, ...] = (),
) -> Told:
    """An event whose outcome checks determine."""
    return Told(
        mapped=mapped,
        link=link,
        when=when,
        body=body,
        words=words,
        outcome=_OUTCOMES[outcome],
        key=mapped.name + key,
        more=(*((_UNDETERMINED,) if outcome is Outcome.INCONCLUSIVE else ()), *more),
    )


def _begun(copying: Copying, link: JournalRow, body: Body) -> CheckTally:
    if copying.tally is None:
        copying.tally = CheckTally.begin(", when it was read back after copying", link, body)
    return copying.tally


def _copy(body: Body) -> tuple[object, ...]:
    return body["version"], body["replica"]


def _said(tally: CheckTally, finding: Finding) -> bool:
    """Whether this was said before of the copy as a whole, such as that its replica was not there."""
    if finding.path is not None:
        return False
    known = len(tally.said)
    tally.said.add(finding.message)
    return len(tally.said) == known


def _extent(body: Body) -> str:
    if "paths" not in body:
        start = bytes.fromhex(body["start"]).partition(b"\0")[0]
        return f"the shard from {show(start)} on" if start else "the first shard"
    names = [show(path_from_fields(fields) or b"") for fields in body["paths"][:_NAMED]]
    left = len(body["paths"]) - len(names)
    return ", ".join(names) + (f" and {left} more files" if left else "")
