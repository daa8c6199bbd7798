"""Taking packages in and placing them on replicas."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from preserve.app.reading import refuse_unless_believed
from preserve.app.workspace import Workspace, operator
from preserve.executors.threads import Threads
from preserve.ingest.intake import Intake, Taken
from preserve.progress import Progress
from preserve.replicate.service import Placed, Replicator


def take_in(
    workspace: Workspace,
    bags: Iterable[Path],
    progress: Progress,
    *,
    collection: str = "",
    identifier: str | None = None,
    new_version: bool = False,
) -> Iterator[Taken]:
    """Takes bags into the catalog, one after another."""
    threads = workspace.settings.audit.threads or os.cpu_count() or 1
    intake = Intake(workspace.catalog, workspace.clock, threads=threads, progress=progress, by=operator())
    for bag in bags:
        yield intake.take(os.fsencode(bag), identifier=identifier, collection=collection, new_version=new_version)
    workspace.catalog.index_names()  # only once enough names have come together; searching works without it


def replicate(
    workspace: Workspace, packages: tuple[str, ...], replicas: tuple[str, ...], progress: Progress
) -> Iterator[Placed]:
    """Places packages on replicas; without names, all on all.

    Raises:
        UsageError: an unknown name.
        UndeterminedError: the auditor's test of itself failed: nobody could say whether the copies are good.
    """
    refuse_unless_believed(workspace, workspace.replicas(replicas), progress)
    with Threads(workspace.settings.audit.threads) as threads:
        replicator = Replicator(
            workspace.catalog,
            workspace.stores(),
            threads,
            workspace.clock,
            rule=workspace.mass_change,
            rates=workspace.write_rates(),
            on_bytes=lambda count: progress.advance(bytes=count),
            begun=lambda package, replica: progress.at(f"{package} to {replica}"),
        )
        yield from replicator.place(workspace.packages(packages), workspace.replicas(replicas))


def bytes_to_place(workspace: Workspace, packages: tuple[str, ...], replicas: tuple[str, ...]) -> int:
    """How much will be copied and read back, each counted."""
    wanted = {replica.id for replica in workspace.replicas(replicas)}
    total = 0
    for package in workspace.packages(packages):
        held = {copy.replica_id for copy in workspace.catalog.copies([package.id], current_only=True)}
        total += 2 * package.size_bytes * len(wanted - held)
    return total
