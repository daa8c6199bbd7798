"""Status at a glance: packages and replicas, how old what is known is, and the whole in plain words."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from checks.concerns import Concern, ConcernCode
from checks.evidence import Outcome
from checks.health import outcome_of as outcome_of_concerns
from checks.verdicts import Verdict
from reports import audits, cells, findings, protections
from reports.health import concern_json, concern_text
from reports.layout import ByWidth, table
from reports.rows import CellState, CopyCell, PackageLine, ReplicaLine, StatusView
from reports.words import age, count, headline, iso, length, moment, size, verdict, visible, within

_PACKAGE_COLUMNS = 14  # a name is folded from here on, where columns are dear
_GAP_COLUMNS = 3
_BAD_VERDICTS = (Verdict.LOST, Verdict.DEGRADED)
_OPEN_VERDICTS = (Verdict.UNKNOWN, Verdict.UNDER_REPLICATED)
_OPEN_STATES = (CellState.OVERDUE, CellState.UNREAD, CellState.UNCLEAR)
# Concerns of which the sentences about packages and replicas, or the warnings, speak already.
_IN_SENTENCES = frozenset(
    {
        ConcernCode.LOST,
        ConcernCode.DAMAGED,
        ConcernCode.UNDER_REPLICATED,
        ConcernCode.REPLICA_AWAY,
        ConcernCode.OVERDUE,
        ConcernCode.BACKUP_LATE,
        ConcernCode.NOTHING_KEPT,
    }
)


def outcome_of(view: StatusView) -> Outcome:
    """FAIL with damage; INCONCLUSIVE while anything is unknown, unread, overdue, too few or away unasked.

    Judged over all packages, not only over those that are shown; never better than what the concerns make of it.
    """
    told = outcome_of_concerns(view.concerns)
    states = {_state(view, cell) for package in view.packages for cell in package.copies}
    seen = findings.outcome_of(view.findings)
    damaged = CellState.DAMAGED in states or any(view.verdict_counts.get(v) for v in _BAD_VERDICTS)
    if damaged or Outcome.FAIL in (seen, told):
        return Outcome.FAIL
    doubts = (
        told is Outcome.INCONCLUSIVE,
        seen is Outcome.INCONCLUSIVE,
        view.total_packages == 0,
        any(view.verdict_counts.get(v) for v in _OPEN_VERDICTS),
        any(state in states for state in _OPEN_STATES),
        any(_alarming(replica) for replica in view.replicas),
        any(_copies(package) == 0 for package in view.packages),
    )
    return Outcome.INCONCLUSIVE if any(doubts) else Outcome.PASS


def as_json(view: StatusView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "summary": [sentence for _, sentence in _sentences(view)],
        "generated_at": iso(view.generated_at),
        "counts": {
            "packages": view.total_packages,
            **{verdict.value: view.verdict_counts.get(verdict, 0) for verdict in Verdict},
            "files_lost": view.files_lost,
            **findings.counts_of(view.findings, view.total_findings),
        },
        "packages": [_package_json(view, package) for package in view.packages],
        "replicas": [_replica_json(replica) for replica in view.replicas],
        "last_audit": None if view.last_audit is None else audits.summary_json(view.last_audit),
        "findings": [findings.as_json(line) for line in view.findings],
        "warnings": list(view.warnings),
        "concerns": [concern_json(concern) for concern in view.concerns],
    }


def as_text(view: StatusView) -> RenderableType:
    return ByWidth(lambda width: _build(view, width))


def replicas_json(view: StatusView) -> dict[str, object]:
    """The replicas alone, for `replica list`."""
    outcome = Outcome.INCONCLUSIVE if any(map(_alarming, view.replicas)) else Outcome.PASS
    return {"outcome": outcome.value, "replicas": [_replica_json(replica) for replica in view.replicas]}


def replicas_text(view: StatusView) -> RenderableType:
    return _replicas(view) if view.replicas else Text("There is no replica yet.", "dim")


def _build(view: StatusView, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [line for concern in _untold(view) for line in concern_text(concern)]
    parts += [headline(outcome, sentence) for outcome, sentence in _sentences(view)]
    if view.one_copy:
        parts.append(Text(f"{count(view.one_copy, 'package has', 'packages have')} one copy only", "yellow"))
    if view.packages:
        spare = width - _matrix_columns(view)
        parts.append(_matrix(view, wide=spare >= 20) if spare >= 0 else _long(view))
        hidden = view.total_packages - len(view.packages)
        if hidden > 0:
            parts.append(Text(f"… and {count(hidden, 'more package')}, counted above", "dim"))
    if view.replicas:
        parts.append(_replicas(view))
    parts += [Text.assemble(("warning", "bold yellow"), f": {visible(text)}") for text in view.warnings]
    parts += findings.as_text(view.findings, view.total_findings, most=5, more="; see `preserve report drift`")
    parts.append(_legend(view))
    return parts


def _sentences(view: StatusView) -> list[tuple[Outcome, str]]:
    """The whole in plain words, the worst first."""
    if view.total_packages == 0:
        return [(Outcome.INCONCLUSIVE, "Nothing is kept yet: take in a bag with `preserve add`.")]
    told: list[tuple[Outcome, str]] = []
    if view.files_lost:
        told.append((Outcome.FAIL, f"{count(view.files_lost, 'file is', 'files are')} lost: no good copy is known."))
    for kind, words in (
        (Verdict.LOST, "cannot be made whole from any copy"),
        (Verdict.DEGRADED, "not as taken in on every copy, and can be made whole"),
        (Verdict.UNKNOWN, "not known to be whole: not everything was read"),
        (Verdict.UNDER_REPLICATED, "with too few copies"),
    ):
        number = view.verdict_counts.get(kind, 0)
        if number and kind is Verdict.LOST:
            told.append((Outcome.FAIL, f"{count(number, 'package')} {words}."))
        elif number:
            outcome = Outcome.FAIL if kind is Verdict.DEGRADED else Outcome.INCONCLUSIVE
            told.append((outcome, f"{count(number, 'package is', 'packages are')} {words}."))
    for replica in view.replicas:
        told += _replica_sentences(replica)
    outcome = outcome_of(view)
    if outcome is Outcome.PASS:
        told.append((outcome, _good_sentence(view)))
    elif not told:
        told.append(
            (
                outcome,
                "There are open findings; see `preserve report drift`."
                if view.findings
                else "The care for them is not as it should be; see `preserve watch`."
                if outcome_of_concerns(view.concerns) is not Outcome.PASS
                else "Not every copy was read in time.",
            )
        )
    return told


def _untold(view: StatusView) -> list[Concern]:
    return [concern for concern in view.concerns if concern.code not in _IN_SENTENCES]


def _replica_sentences(replica: ReplicaLine) -> list[tuple[Outcome, str]]:
    told = []
    if _alarming(replica):
        why = f" ({visible(replica.why_not)})" if replica.why_not else ""
        if replica.available is False and not replica.offline:
            told.append((Outcome.INCONCLUSIVE, f"Replica {visible(replica.name)} is not there{why}."))
    if replica.overdue_shards:
        shards = count(replica.overdue_shards, "shard is", "shards are")
        told.append((Outcome.INCONCLUSIVE, f"On {visible(replica.name)} {shards} overdue for reading."))
    return told


def _good_sentence(view: StatusView) -> str:
    packages = count(view.total_packages, "package")
    cells_read = [cell.oldest_read_at for package in view.packages for cell in package.copies]
    reads = [at for at in (*(replica.oldest_read_at for replica in view.replicas), *cells_read) if at is not None]
    numbers = {_copies(package) for package in view.packages}
    copies = f"All {numbers.pop()} copies" if len(numbers) == 1 and numbers != {1} else "All copies"
    if numbers == {1}:
        copies = "The one copy each"
    oldest = min(reads, default=None)
    if oldest is None:
        return f"{copies} of {packages} were read and are good."
    return f"{copies} of {packages} were read in the last {within(view.generated_at - oldest)} and are good."


def _matrix_columns(view: StatusView) -> int:
    """The width below which the matrix would break its words."""
    columns = [_PACKAGE_COLUMNS, max(verdict(package.verdict).cell_len for package in view.packages)]
    for replica in view.replicas:
        shown = [
            _cell(view, cell) for package in view.packages for cell in package.copies if cell.replica == replica.name
        ]
        columns.append(max([len(replica.name), *(line.cell_len for text in shown for line in text.split())]))
    return sum(columns) + len(columns) * _GAP_COLUMNS


def _matrix(view: StatusView, *, wide: bool) -> Table:
    extra = ("files", "size") if wide else ()
    made = table("package", *extra, "verdict", *(visible(r.name) for r in view.replicas), right=extra)
    for package in view.packages:
        by_replica = {cell.replica: cell for cell in package.copies}
        numbers = (Text(f"{package.files:,}"), Text(size(package.size_bytes))) if wide else ()
        made.add_row(
            _identifier(package),
            *numbers,
            verdict(package.verdict),
            *(_cell(view, by_replica.get(replica.name)) for replica in view.replicas),
        )
    return made


def _long(view: StatusView) -> Table:
    """A line for each copy: for many replicas, or few columns."""
    made = table("package", "verdict", "replica", "copy")
    for package in view.packages:
        first = (_identifier(package), verdict(package.verdict))
        for cell in package.copies or (None,):
            replica = Text("" if cell is None else visible(cell.replica))
            made.add_row(*first, replica, _cell(view, cell))
            first = (Text(""), Text(""))
    return made


def _identifier(package: PackageLine) -> Text:
    text = Text(visible(package.identifier), "bold")
    note = package.note or ("" if _copies(package) or not package.source else f"only at {package.source}, no copy")
    return text.append(f"\n{visible(note)}", "dim") if note else text


def _cell(view: StatusView, cell: CopyCell | None) -> Text:
    state = CellState.NO_COPY if cell is None else _state(view, cell)
    return cells.as_text(cell, state, view.generated_at)


def _replicas(view: StatusView) -> Table:
    made = table("replica", "where", "there now", "oldest reading", "overdue")
    for replica in view.replicas:
        where = Text(visible(replica.where or replica.url))
        more = ", ".join(filter(None, (replica.medium, replica.site)))
        if more:
            where.append(f"\n{visible(more)}", "dim")
        if replica.protection is not None:
            where.append(f"\n{protections.in_words(replica.protection)}", "dim")
        if replica.found_at:
            where.append(f"\nfound at {visible(replica.found_at)}", "green")
        read = Text(age(replica.oldest_read_at, view.generated_at), "red" if replica.oldest_read_at is None else "")
        overdue = Text(f"{replica.overdue_shards:,}" if replica.overdue_shards else "none")
        made.add_row(Text(visible(replica.name), "bold"), where, _there(replica), read, overdue)
    return made


def _there(replica: ReplicaLine) -> Text:
    if replica.available is None:
        return Text("not looked", "dim")
    if replica.available:
        return Text("yes", "green")
    words = "away, as it may be" if replica.offline else "absent"
    text = Text(f"{words}: {visible(replica.why_not)}" if replica.why_not else words, "yellow")
    return text if replica.bringing is None else text.append(f"\nplug it in by {replica.bringing.day}")


def _legend(view: StatusView) -> Text:
    used = {_state(view, cell) for package in view.packages for cell in package.copies}
    text = Text("\nThe time beside a copy is the age of its oldest reading.\n", "dim")
    for state in CellState:
        if state in used:
            mark, _, words = cells.MARKS[state]
            text.append(f"{mark} {cells.LABELS[state]}: {words}\n")
    audit = "no audit has run" if view.last_audit is None else f"last audit: {audits.in_one_line(view.last_audit)}"
    text.append(f"{moment(view.generated_at)}; promised: every byte read within {length(view.max_age)}; {audit}")
    return text


def _state(view: StatusView, cell: CopyCell) -> CellState:
    replica = next((replica for replica in view.replicas if replica.name == cell.replica), None)
    return cells.state_of(cell, replica, view.generated_at, cell.max_age or view.max_age)


def _copies(package: PackageLine) -> int:
    return sum(cell.state is not CellState.NO_COPY for cell in package.copies)


def _alarming(replica: ReplicaLine) -> bool:
    return bool(replica.overdue_shards) or (replica.available is False and not replica.offline)


def _package_json(view: StatusView, package: PackageLine) -> dict[str, object]:
    return {
        "id": package.identifier,
        "collection": package.collection,
        "verdict": package.verdict.value,
        "files": package.files,
        "size_bytes": package.size_bytes,
        "copies": [cells.as_json(cell, _state(view, cell)) for cell in package.copies],
        "source": package.source or None,
    }


def _replica_json(replica: ReplicaLine) -> dict[str, object]:
    return {
        "name": replica.name,
        "url": replica.url,
        "where": replica.where or replica.url,
        "kind": replica.kind,
        "medium": replica.medium,
        "site": replica.site,
        "protection": protections.as_json(replica.protection),
        "available": replica.available,
        "offline": replica.offline,
        "why_not": replica.why_not,
        "oldest_read_at": iso(replica.oldest_read_at),
        "overdue_shards": replica.overdue_shards,
        "found_at": replica.found_at,
        "bring_by": None if replica.bringing is None else iso(replica.bringing.by),
    }
