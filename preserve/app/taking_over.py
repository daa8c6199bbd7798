"""A place that is a replica already, of which this catalog knows nothing: another archive's, or a lost catalog's."""

import json
from collections.abc import Iterator
from datetime import datetime

from checks.ports import NotFoundError, StoreError
from preserve.app.workspace import Workspace
from preserve.errors import UsageError
from preserve.repair.backup_choice import candidates
from preserve.repair.found_bags import folders_of_bags
from preserve.stores.identity import IDENTITY_FILE, LIMIT_BYTES, Identity
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.writing import content_of


def refuse_taken(workspace: Workspace, store: ReplicaStore, identity: Identity, name: str) -> None:
    """Refuses a place whose identity stands there and was never this catalog's.

    One that bears this very name and holds nothing is what a run that was killed left: that is gone on with.

    Raises:
        UsageError: it is another's; says whose, since when, and what lies there.
        StoreError: it cannot be looked through.
    """
    try:
        store.stat(IDENTITY_FILE)
    except NotFoundError:
        return
    if identity.uuid in {str(row.uuid) for row in workspace.catalog.replicas(include_removed=True)}:
        return
    lies_there = list(_what_lies_there(store))
    if not lies_there and identity.name == name:
        return
    holds = " and ".join(lies_there) or "no bag lies there"
    raise UsageError(
        f"{store.where} had the identity {identity.uuid} of replica {identity.name} already "
        f"({_written_on(store)}), which this catalog does not know; {holds}",
        remedy="It may be another archive's: look at it first. To go on with a lost catalog: "
        "`preserve catalog rebuild`. To take the place over all the same: `--take-over`.",
    )


def _what_lies_there(store: ReplicaStore) -> Iterator[str]:
    bags = len(folders_of_bags(store))
    if bags:
        yield "1 bag lies there" if bags == 1 else f"{bags:,} bags lie there"
    made: dict[str, list[datetime]] = {}
    for one in candidates({"": store}):
        made.setdefault(str(one.described.catalog), []).append(one.described.made_at)
    for catalog, times in made.items():
        days = sorted({f"{at:%Y-%m-%d}" for at in times})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        yield f"backups of the catalog {catalog} made on {when}"
    if not made and store.holds_traces():
        yield "something where backups of a catalog lie"


def _written_on(store: ReplicaStore) -> str:
    try:
        document = json.loads(content_of(store, IDENTITY_FILE, LIMIT_BYTES))
        return f"written on {datetime.fromisoformat(document['written_at']):%Y-%m-%d}"
    except (StoreError, ValueError, LookupError, TypeError):
        return "it does not say when it was written"
