"""What a replica holds and the catalog does not know, and the reverse; as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields, show
from reports.words import count, headline, iso, visible

_MOST_SHOWN = 200  # of each kind; JSON has all


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingLine:
    """One thing that no copy accounts for. Of a bag, what it seems to be by its tag files."""

    path: bytes  # below the replica's root
    what: str
    seems: str = ""
    package: str = ""
    version: int = 0
    note: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingLine:
    """A recorded copy whose folder is not there, or no folder."""

    path: bytes
    package: str
    version: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredLine:
    """A name that nobody is told of. `there`: it was met, and is what it was."""

    path: bytes
    what: str
    reason: str
    by: str
    at: datetime
    there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaDifferences:
    """One replica and the catalog.

    Attributes:
        away: why it could not be looked at; then nothing is known, and all else is empty.
        more: how many things there are beyond those given.
        without_copy: packages of which no copy of the current version is recorded here; that is no difference.
        problems: (folder, why it was not looked through to its end).
    """

    replica: str
    away: str = ""
    things: Sequence[ThingLine] = ()
    more: int = 0
    missing: Sequence[MissingLine] = ()
    without_copy: Sequence[str] = ()
    ignored: Sequence[IgnoredLine] = ()
    problems: Sequence[tuple[bytes, str]] = ()

    @property
    def outcome(self) -> Outcome:
        """FAIL if anything is on one side only; INCONCLUSIVE if that could not be told."""
        if self.things or self.more or self.missing:
            return Outcome.FAIL
        return Outcome.INCONCLUSIVE if self.away or self.problems else Outcome.PASS


def outcome_of(views: Sequence[ReplicaDifferences]) -> Outcome:
    """Of all replicas together; PASS where there is none."""
    outcomes = {view.outcome for view in views}
    return next((worse for worse in (Outcome.FAIL, Outcome.INCONCLUSIVE) if worse in outcomes), Outcome.PASS)


def as_json(views: Sequence[ReplicaDifferences]) -> dict[str, object]:
    return {
        "outcome": outcome_of(views).value,
        "replicas": [_replica_json(view) for view in views],
        "findings": [],
        "counts": {
            "replicas": len(views),
            "away": sum(bool(view.away) for view in views),
            "things": sum(len(view.things) + view.more for view in views),
            "missing": sum(len(view.missing) for view in views),
            "without_copy": sum(len(view.without_copy) for view in views),
            "ignored": sum(len(view.ignored) for view in views),
        },
    }


def _replica_json(view: ReplicaDifferences) -> dict[str, object]:
    return {
        "replica": view.replica,
        "outcome": view.outcome.value,
        "away": view.away or None,
        "things": [
            {
                **path_fields(one.path),
                "what": one.what,
                "seems": one.seems or None,
                "package": one.package or None,
                "version": one.version or None,
                "note": one.note,
                "remedy": one.remedy,
            }
            for one in view.things
        ],
        "more": view.more,
        "missing": [
            {
                "code": "copy-missing",
                **path_fields(one.path),
                "package": one.package,
                "version": one.version,
                "note": one.note,
            }
            for one in view.missing
        ],
        "without_copy": list(view.without_copy),
        "ignored": [
            {
                **path_fields(one.path),
                "what": one.what,
                "reason": one.reason,
                "by": one.by,
                "at": iso(one.at),
                "there": one.there,
            }
            for one in view.ignored
        ],
        "not_looked_through": [{**path_fields(path), "why": why} for path, why in view.problems],
    }


def as_text(views: Sequence[ReplicaDifferences]) -> RenderableType:
    parts: list[RenderableType] = []
    for view in views:
        parts.append(headline(view.outcome, f"{visible(view.replica)}: {_sentence(view)}"))
        parts += _things(view)
        parts += _missing(view)
        parts += _rest(view)
    return Group(*parts) if parts else Text("There is no replica.")


def _sentence(view: ReplicaDifferences) -> str:
    if view.away:
        return f"not looked at: {visible(view.away)}"
    found = len(view.things) + view.more
    told = []
    if found:
        told.append(f"{count(found, 'thing')} that no copy accounts for")
    if view.missing:
        told.append(f"{len(view.missing):,} recorded {'copy' if len(view.missing) == 1 else 'copies'} not there")
    if view.problems:
        told.append("not all of it could be looked through")
    return "; ".join(told) or "what is there is what the catalog knows"


def _things(view: ReplicaDifferences) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for one in view.things[:_MOST_SHOWN]:
        text = Text.assemble((show(one.path), "bold"), f"  {one.what}")
        if one.seems:
            text.append(f": {one.seems}")
        if one.package:
            text.append(f", {visible(one.package)}" + (f" version {one.version}" if one.version else ""))
        if one.note:
            text.append(f"\n    {visible(one.note)}")
        if one.remedy:
            text.append(f"\n    {visible(one.remedy)}", "dim")
        parts.append(_in(text))
    left = len(view.things) + view.more - len(parts)
    if left > 0:
        parts.append(_in(Text(f"… and {left:,} more (--json has them)", "dim")))
    return parts


def _missing(view: ReplicaDifferences) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for one in view.missing[:_MOST_SHOWN]:
        text = Text.assemble((show(one.path), "bold"), ("  copy-missing", "red"))
        text.append(f": {visible(one.package)} version {one.version}: {visible(one.note)}")
        parts.append(_in(text))
    if len(view.missing) > _MOST_SHOWN:
        parts.append(_in(Text(f"… and {len(view.missing) - _MOST_SHOWN:,} more (--json has them)", "dim")))
    return parts


def _rest(view: ReplicaDifferences) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for path, why in islice(view.problems, _MOST_SHOWN):
        parts.append(_in(Text(f"{show(path)}: not looked through: {visible(why)}")))
    if view.without_copy:
        named = ", ".join(map(visible, view.without_copy[:10]))
        more = f" and {len(view.without_copy) - 10:,} more" if len(view.without_copy) > 10 else ""
        number = count(len(view.without_copy), "package")
        parts.append(_in(Text(f"{number} without a copy recorded here: {named}{more}", "dim")))
    for one in view.ignored[:_MOST_SHOWN]:
        gone = "" if one.there else "; not met as it was"
        told = f"{show(one.path)}  {one.what}, ignored since {one.at:%Y-%m-%d} by {visible(one.by)}"
        parts.append(_in(Text(f"{told}: {visible(one.reason)}{gone}", "dim")))
    return parts


def _in(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2), expand=False)
