"""Checks of one copy, counted: an audit's, those that read it back when it was made, or a day's others."""

from collections import Counter
from dataclasses import dataclass, field

from checks.evidence import Evidence, Outcome, worst
from checks.findings import MEANINGS, Code
from preserve.catalog.rows import JournalRow
from preserve.provenance.wording import Body, evidence_of, evidence_words

_SUMS = ("good", "bad", "unread", "bytes_read")


@dataclass(slots=True)
class CheckTally:
    """What these checks came to. `first` and `last` are their links; `body` is that of the first."""

    occasion: str  # as it stands in a sentence
    first: JournalRow
    body: Body
    last: JournalRow
    started_at: str
    ended_at: str = ""
    evidence: Evidence | None = None  # the weakest of what was reached
    counts: Counter[str] = field(default_factory=Counter)
    said: set[str] = field(default_factory=set)  # of the copy as a whole; once is enough

    @classmethod
    def begin(cls, occasion: str, link: JournalRow, body: Body) -> "CheckTally":
        return cls(occasion=occasion, first=link, body=body, last=link, started_at=body["started_at"])

    def take(self, link: JournalRow, body: Body) -> None:
        """Counts one check."""
        self.last = link
        self.started_at = min(self.started_at, body["started_at"])
        self.ended_at = max(self.ended_at, body["at"])
        if (label := evidence_of(body)) != "none":
            level = Evidence.from_label(label)
            self.evidence = level if self.evidence is None else min(self.evidence, level)
        self.counts["checks"] += 1
        self.counts[body["outcome"]] += 1
        self.counts["closed"] += len(body.get("closed", ()))
        for name in _SUMS:
            self.counts[name] += body[name]
        for found in body.get("findings", ()):
            self.counts["warnings"] += MEANINGS[Code(found["code"])].outcome is Outcome.PASS

    @property
    def outcome(self) -> Outcome:
        """FAIL before INCONCLUSIVE before PASS; without any check it is INCONCLUSIVE."""
        return worst([outcome for outcome in Outcome if self.counts[outcome.value]])

    def words(self) -> dict[str, object]:
        """What the templates say of them."""
        return {
            "occasion": self.occasion,
            "evidence": evidence_words("none" if self.evidence is None else self.evidence.label),
            **{name: self.counts[name] for name in ("checks", "closed", "warnings", *_SUMS)},
            "passed": self.counts[Outcome.PASS.value],
            "failed": self.counts[Outcome.FAIL.value],
            "inconclusive": self.counts[Outcome.INCONCLUSIVE.value],
        }


@dataclass(slots=True)
class Copying:
    """A copy that was recorded, and its reading back, which follows in the journal."""

    link: JournalRow
    body: Body
    shards: int  # of its version
    tally: CheckTally | None = None

    @property
    def complete(self) -> bool:
        """Whether all checks that were recorded with the copy have been met."""
        met = 0 if self.tally is None else self.tally.counts["checks"]
        return met >= int(self.body["checks"])

    @property
    def outcome(self) -> Outcome:
        """PASS only if every shard was read back and was good."""
        if self.tally is None or (self.tally.outcome is Outcome.PASS and self.tally.counts["checks"] < self.shards):
            return Outcome.INCONCLUSIVE
        return self.tally.outcome

    def words(self) -> dict[str, object]:
        """What the templates say of it."""
        if self.tally is None:
            return {"read_back": "it was not read back", "evidence": evidence_words("none")}
        counts = self.tally.words()
        told = "read back: {passed} of {shards} shards passed, {failed} failed, {inconclusive} inconclusive"
        return {"read_back": told.format(**counts, shards=self.shards), "evidence": counts["evidence"]}
