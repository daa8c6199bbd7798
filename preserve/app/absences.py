"""Replicas that could not be asked: whether they may be away, and until when that holds."""

from dataclasses import dataclass
from datetime import datetime

from preserve.app.planning import prospects
from preserve.app.workspace import Presence, Workspace, presence
from preserve.catalog.rows import ReplicaRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """
    Attributes:
        offline: by the settings it may be away, and no other disk is in its place.
        late_since: the date by which it should have been here again, where that has passed.
    """

    offline: bool
    late_since: datetime | None = None


def leave_of(workspace: Workspace, replica: ReplicaRow, found: Presence) -> Leave:
    """Whether a replica that is not there may be away now. One without copies has no date."""
    configured = workspace.settings.replicas.get(replica.name)
    if configured is None or not configured.offline or found.wrong:
        return Leave(offline=False)
    (prospect,) = prospects(workspace, [replica])
    bring = prospect.bringing(None)
    late = bring is not None and bring.deadline < workspace.clock()
    return Leave(offline=True, late_since=bring.deadline if bring is not None and late else None)


def absent(workspace: Workspace) -> dict[str, tuple[ReplicaRow, Presence]]:
    """The replicas that are not there at this moment, by name."""
    stores = workspace.stores()
    seen = {row.name: (row, presence(stores.get(row.id), row)) for row in workspace.replicas()}
    return {name: (row, found) for name, (row, found) in seen.items() if not found.there}
