"""What keeps deleted and changed files at a provider: asked of those that can say."""

from collections.abc import Mapping

from checks.ports import Store, StoreError
from preserve.app.workspace import Workspace
from preserve.stores.capabilities import Protection, Versioning
from preserve.stores.providers import versioned_of
from reports.rows import ProtectionLine


def protection_of(store: Store | None) -> ProtectionLine | None:
    """Asks the provider now; None where nobody keeps older versions, such as in a folder."""
    versioned = versioned_of(store)
    if versioned is None:
        return None
    try:
        found = versioned.protection()
    except StoreError as error:
        found = Protection(versioning=Versioning.UNKNOWN, why_unknown=error.cause or str(error))
    return ProtectionLine(versioning=found.versioning.value, lock=found.lock, why_unknown=found.why_unknown)


def protections(workspace: Workspace, there: Mapping[str, bool | None]) -> Mapping[str, ProtectionLine]:
    """By the replica's name, of those that are there now and can say."""
    stores = workspace.stores()
    found = {
        row.name: protection_of(stores[row.id])
        for row in workspace.replicas()
        if there.get(row.name) and row.id in stores
    }
    return {name: line for name, line in found.items() if line is not None}
