"""`safe-to-delete`: the settings, the catalog and what lies here, put together for one answer. Nothing is written."""

import os
from datetime import timedelta
from pathlib import Path

from checks.keeping import Rule
from preserve.app.workspace import Workspace
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.keeping import Keeping, Site, judge_all
from preserve.repair.surveying import Survey
from preserve.stores.nesting import nested
from reports.keeping import KeepingView, SiteLine

LEAST_COPIES, LEAST_SITES = 2, 2
_MOST_DAYS = 36_525


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
    )


def _sites(workspace: Workspace, path: bytes) -> dict[str, Site]:
    """The replicas whose copies may count: those in use whose folder is known."""
    configured = workspace.settings.replicas
    return {
        name: Site(site=configured[name].site or None, apart=not nested(path, configured[name].root))
        for name in (replica.name for replica in workspace.catalog.replicas())
        if name in configured
    }


def _replica_lines(workspace: Workspace, sites: dict[str, Site]) -> list[SiteLine]:
    lines = []
    for replica in workspace.catalog.replicas():
        known = sites.get(replica.name)
        why_not = (
            "it is not in the settings, so nobody can say where it lies"
            if known is None
            else "what is to be deleted lies in it, holds it, or is the same place"
            if not known.apart
            else ""
        )
        lines.append(SiteLine(name=replica.name, site=None if known is None else known.site, why_not=why_not))
    return lines
