"""Whether what lies here may be deleted: one answer, and for every file that must stay, why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.findings import Severity
from checks.keeping import Held, Reason, Rule, Staying, standing
from checks.names import path_fields
from reports.layout import table
from reports.words import ago, count, headline, iso, length, listed, moment, name, size, visible

SHOWN = 1000
_ANSWERS = {Outcome.PASS: "yes", Outcome.FAIL: "no", Outcome.INCONCLUSIVE: "undetermined"}
_WORDS: Mapping[Reason, str] = {
    Reason.NOT_HELD: "its content is in no package that is looked after",
    Reason.NOT_A_REGULAR_FILE: "not a regular file; not judged",
    Reason.TOO_FEW_COPIES: "kept on too few replicas",
    Reason.DAMAGED_COPIES: "damaged where it is kept",
    Reason.IN_DOUBT: "could not be judged where it is kept when it was last checked",
    Reason.NEVER_READ: "never read where it is kept",
    Reason.READ_TOO_LONG_AGO: "not read lately enough where it is kept",
    Reason.TOO_FEW_SITES: "kept at too few sites",
    Reason.UNREADABLE: "could not be read here; not judged",
}
_REMEDIES: Mapping[Reason, str] = {
    Reason.NOT_HELD: "Bag these files and take them in: preserve bag, add, replicate.",
    Reason.NOT_A_REGULAR_FILE: "Look at links and devices yourself; ask for what a link leads to by its own path.",
    Reason.TOO_FEW_COPIES: "Place the packages on more replicas with `preserve replicate`, or ask with --copies.",
    Reason.DAMAGED_COPIES: "See `preserve report drift`, and keep these files: a copy may be repaired from them.",
    Reason.IN_DOUBT: "Connect the replicas and run `preserve audit`.",
    Reason.NEVER_READ: "Connect the replicas and run `preserve audit`.",
    Reason.READ_TOO_LONG_AGO: "Connect the replicas and run `preserve audit`, or ask with --days.",
    Reason.TOO_FEW_SITES: (
        "Say where each replica stands with `site` in preserve.toml; if one site is enough for you, ask with --sites 1."
    ),
    Reason.UNREADABLE: "Make it readable, let nobody write there, then ask again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A replica in use. `why_not` says why no copy on it counts."""

    name: str
    site: str | None
    why_not: str = ""
    away: bool = False  # it is not there now: what is said of it rests on its last reading alone


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingView:
    path: bytes
    generated_at: datetime
    rule: Rule
    names: int  # all that is no folder
    size_bytes: int  # of those that were read
    stay: tuple[Staying, ...]  # everything that must stay
    replicas: tuple[SiteLine, ...]
    doubt: str = ""  # why nothing can be said at all, whatever was found


def outcome_of(view: KeepingView) -> Outcome:
    """PASS is YES. Nothing there, only what could not be read here, or a wrong clock: neither yes nor no."""
    if view.doubt:
        return Outcome.INCONCLUSIVE
    if any(reason is not Reason.UNREADABLE for each in view.stay for reason in each.because.reasons):
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if view.stay or not view.names else Outcome.PASS


def as_json(view: KeepingView) -> dict[str, object]:
    outcome = outcome_of(view)
    by_reason = _by_reason(view)
    return {
        "outcome": outcome.value,
        "answer": _ANSWERS[outcome],
        "summary": _sentence(view),
        **path_fields(view.path),
        "generated_at": iso(view.generated_at),
        "asked": {
            "copies": view.rule.copies,
            "days": view.rule.max_age.total_seconds() / 86_400,
            "sites": view.rule.sites,
        },
        "counts": {
            "files": view.names,
            "bytes": view.size_bytes,
            "safe": view.names - len(view.stay),
            "stay": len(view.stay),
            **{reason.value: by_reason[reason] for reason in Reason},
        },
        "replicas": [
            {
                "name": each.name,
                "site": each.site,
                "counts": not each.why_not,
                "why_not": each.why_not,
                "available": not each.away,
            }
            for each in view.replicas
        ],
        "findings": [_staying_json(view, each) for each in view.stay],
    }


def _staying_json(view: KeepingView, line: Staying) -> dict[str, object]:
    return {
        "code": line.because.reasons[0].value,
        "codes": [reason.value for reason in line.because.reasons],
        "severity": Severity.ERROR.value,
        **path_fields(line.path),
        "size_bytes": line.size_bytes,
        "message": _why(view, line),
        "copies_that_count": line.because.copies,
        "sites_that_count": line.because.sites,
        "held": [
            {
                "replica": held.replica,
                "site": held.site,
                "read_at": iso(held.read_at),
                "state": held.state.value,
                "counts": held.apart and standing(held, view.rule, view.generated_at) is None,
            }
            for held in line.held
        ],
    }


def as_text(view: KeepingView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), _sentence(view)), Text(_particulars(view), "dim")]
    for each in view.replicas:
        if each.away and not each.why_not:
            told = f"{visible(each.name)} is not there now: for it, its last reading speaks alone."
            parts.append(Text(told, "yellow"))
        if each.why_not:
            parts.append(Text(f"Copies on {visible(each.name)} do not count: {each.why_not}.", "yellow"))
    if view.stay:
        parts.append(_table(view))
        parts += [_line(view, each) for each in view.stay[:SHOWN]]
        left = len(view.stay) - SHOWN
        if left > 0:
            parts.append(Text(f"… and {left:,} more; --json names them all", "dim"))
    return Group(*parts)


def _sentence(view: KeepingView) -> str:
    where, outcome = name(view.path), outcome_of(view)
    if view.doubt:
        return f"NOT KNOWN: {view.doubt}. Keep everything for now; set the clock, then ask again."
    if not view.names:
        return f"There is no file in {where}, so there is nothing to say yes to."
    if outcome is Outcome.PASS:
        return f"YES: {_files(view.names)} in {where} can be deleted here ({size(view.size_bytes)})."
    stay = len(view.stay)
    if outcome is Outcome.FAIL:
        return f"NO: {stay:,} of {count(view.names, 'file')} in {where} must stay."
    return f"NOT KNOWN: {stay:,} of {count(view.names, 'file')} in {where} could not be read, so keep them all for now."


def _files(number: int) -> str:
    return "the one file" if number == 1 else f"all {count(number, 'file')}"


def _particulars(view: KeepingView) -> str:
    rule = view.rule
    sites = f" at {count(rule.sites, 'site')}" if rule.sites > 1 else ""
    return (
        f"Asked for: the same content on {count(rule.copies, 'replica')}{sites}, each read within "
        f"{length(rule.max_age)}, with no open damage or doubt. As of {moment(view.generated_at)}. Nothing was deleted."
    )


def _by_reason(view: KeepingView) -> Counter[Reason]:
    return Counter(reason for each in view.stay for reason in each.because.reasons)


def _table(view: KeepingView) -> RenderableType:
    made = table("reason", "files", "what it means, and what to do", right=("files",))
    by_reason = _by_reason(view)
    for reason in Reason:
        if by_reason[reason]:
            words = Text(f"{_WORDS[reason]}\n").append(f"→ {_REMEDIES[reason]}", "dim")
            made.add_row(Text(reason.value, "bold"), f"{by_reason[reason]:,}", words)
    return made


def _line(view: KeepingView, line: Staying) -> RenderableType:
    text = Text(name(line.path) or name(view.path), "bold")
    text.append(f"  {', '.join(line.because.reasons)}", "red")
    if line.size_bytes is not None:
        text.append(f"  {size(line.size_bytes)}", "dim")
    return Padding(text.append(f"\n    {_why(view, line)}", "dim"), (0, 0, 0, 2), expand=False)


def _why(view: KeepingView, line: Staying) -> str:
    """`1 copy counts, 2 asked for; nas: read 3 d ago; disk: damaged`."""
    if line.problem:
        return visible(line.problem)
    if not line.held:
        return _WORDS[Reason.NOT_HELD]
    told = f"{count(line.because.copies, 'copy counts', 'copies count')}, {view.rule.copies} asked for"
    if Reason.TOO_FEW_SITES in line.because.reasons:
        told += f"; at {count(line.because.sites, 'site')}, {view.rule.sites} asked for"
    return "; ".join([told, *_places(view, line.held)])


def _places(view: KeepingView, held: Sequence[Held]) -> list[str]:
    """What is known of each replica, once, however often it holds the content."""
    by_replica: dict[str, list[str]] = {}
    for each in held:
        said = by_replica.setdefault(visible(each.replica), [])
        words = _place(view, each)
        if each.file is not None and any(each.file == other.file and each.replica != other.replica for other in held):
            words += ", the same file as on another replica"
        if words not in said:
            said.append(words)
    return [f"{replica}: {listed(said)}" for replica, said in by_replica.items()]


def _place(view: KeepingView, held: Held) -> str:
    why = standing(held, view.rule, view.generated_at)
    if not held.apart:
        return "would be deleted with it"
    if why in (Reason.DAMAGED_COPIES, Reason.NEVER_READ):
        return "damaged" if why is Reason.DAMAGED_COPIES else "never read"
    read = f"read {ago(held.read_at, view.generated_at)}"
    return f"{read}, could not be judged since" if why is Reason.IN_DOUBT else read
