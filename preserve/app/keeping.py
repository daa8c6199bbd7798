"""`safe-to-delete`: the settings, the catalog and what lies here, put together for one answer. Nothing is written."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from checks.keeping import Rule
from preserve.app.workspace import Workspace, presence
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.keeping import Keeping, Site, judge_all
from preserve.repair.surveying import Survey
from preserve.stores.nesting import may_share, nested
from reports.keeping import KeepingView, SiteLine

LEAST_COPIES, LEAST_SITES = 2, 2
_MOST_DAYS = 36_525
_SKEW = timedelta(minutes=5)  # by which clocks of hosts that share a catalog may differ


def rule_of(workspace: Workspace, *, copies: int | None, days: int | None, sites: int | None) -> Rule:
    """What is asked for: by the command, else by the settings."""
    settings = workspace.settings.audit
    return Rule(
        copies=copies or settings.minimum_copies or LEAST_COPIES,
        max_age=settings.max_age if days is None else timedelta(days=min(days, _MOST_DAYS)),
        sites=sites or LEAST_SITES,
    )


def keeping_view(workspace: Workspace, path: Path, rule: Rule, progress: Progress) -> KeepingView:
    """Reads everything below the path and judges it.

    Raises:
        UsageError: there is nothing at that path.
    """
    with Threads(workspace.settings.audit.threads) as threads:
        survey = Survey(os.fsencode(path), threads, progress)
        seen = list(survey.seen())
    # After the reading, which may take hours: how copies stand now, and how old their readings are now.
    sites = _sites(workspace, survey.path)
    now = workspace.clock()
    names, size, stay = judge_all(seen, Keeping(workspace.catalog, sites).held, rule, now)
    return KeepingView(
        path=survey.path,
        generated_at=now,
        rule=rule,
        names=names,
        size_bytes=size,
        stay=tuple(stay),
        replicas=tuple(_replica_lines(workspace, sites)),
        doubt=_doubt(workspace, now),
    )


def _doubt(workspace: Workspace, now: datetime) -> str:
    """By a clock that was set back, what was read years ago looks fresh."""
    newest = workspace.catalog.newest_at()
    if newest is None or newest - now <= _SKEW:
        return ""
    return (
        f"the clock says {now:%Y-%m-%d %H:%M} UTC, and the journal's last link is of {newest:%Y-%m-%d %H:%M} UTC: one "
        "of them is wrong, so nobody can say how old any reading is"
    )


def _sites(workspace: Workspace, path: bytes) -> dict[str, Site]:
    """The replicas whose copies may count: those in use whose folder is known. Each is looked at now."""
    configured, stores, folders = workspace.settings.replicas, workspace.stores(), workspace.folders()
    frozen = {one.copy.replica for one in workspace.catalog.frozen(workspace.mass_change)}
    sites = {}
    for replica in workspace.catalog.replicas():
        if replica.name not in configured:
            continue
        known, store, folder = configured[replica.name], stores.get(replica.id), folders.get(replica.name)
        seen = presence(store, replica)
        sites[replica.name] = Site(
            site=known.site or None,
            apart=folder is None or not nested(path, folder),
            store=store if seen.there else None,
            may_be_away=known.offline and not seen.wrong,
            frozen=replica.name in frozen,
            alone=folder is None
            or not any(may_share(folder, other) for name, other in folders.items() if name != replica.name),
        )
    return sites


def _replica_lines(workspace: Workspace, sites: dict[str, Site]) -> list[SiteLine]:
    return [
        SiteLine(
            name=replica.name,
            site=None if (known := sites.get(replica.name)) is None else known.site,
            why_not=_why_not(known),
            away=known is not None and known.store is None,
        )
        for replica in workspace.catalog.replicas()
    ]


def _why_not(known: Site | None) -> str:
    if known is None:
        return "it is not in the settings, so nobody can say where it lies"
    if not known.apart:
        return "what is to be deleted lies in it, holds it, or is the same place"
    if known.store is None and not known.may_be_away:
        return "it is not there now, and should be"
    if known.frozen:
        return "it is frozen: so many of its files are not as they were taken in that nothing there is trusted"
    return ""
