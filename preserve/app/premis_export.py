"""A package's history as one PREMIS document."""

from dataclasses import dataclass
from typing import BinaryIO

from preserve import __version__
from preserve.app.workspace import Workspace
from preserve.errors import UsageError
from preserve.provenance.exporting import EventDetail, Exported, write_history


@dataclass(frozen=True, slots=True)
class PremisExport:
    """An export that can be done: the package and the version are there."""

    workspace: Workspace
    asked: Exported

    def write(self, stream: BinaryIO) -> None:
        """Writes the document as it is made."""
        write_history(stream, self.workspace.catalog, self.asked)


def prepare_export(
    workspace: Workspace, identifier: str, *, version: int | None = None, events: EventDetail = EventDetail.SUMMARY
) -> PremisExport:
    """Finds what is to be exported, before the first byte is written. A removed package is found too.

    Args:
        version: whose files become objects; else the current one. The events are those of all versions.

    Raises:
        UsageError: no package has that identifier, or it has no such version.
    """
    package = workspace.catalog.package_named(identifier, include_removed=True)
    if package is None:
        (package,) = workspace.packages((identifier,))  # says which names are close
    wanted = package.version if version is None else version
    inventory_id = workspace.catalog.inventory_id_of(package.id, wanted)
    if inventory_id is None:
        raise UsageError(
            f"the package {identifier} has no version {wanted}", remedy=f"It has the versions 1 to {package.version}."
        )
    asked = Exported(
        package=package,
        version=wanted,
        inventory_id=inventory_id,
        events=events,
        organization=workspace.settings.organization,
        software_version=__version__,
    )
    return PremisExport(workspace, asked)
