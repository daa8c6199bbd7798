"""`preserve remove`."""

import sys
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_text

if TYPE_CHECKING:
    from preserve.catalog.rows import CopyRow, PackageRow


@click.command("remove")
@click.argument("identifier", type=as_text, metavar="PACKAGE")
@click.option("--reason", type=as_text, metavar="TEXT", help="Why; the journal keeps it.")
@click.option("--delete-copies", is_flag=True, help="Delete its copies from all replicas. Asks for its id again.")
@click.option("--confirm", type=as_text, metavar="ID", help="The id again, where nobody can be asked: for scripts.")
@json_option
@config_option
@pass_invocation
def remove_command(
    invocation: Invocation,
    identifier: str,
    reason: str | None,
    delete_copies: bool,
    confirm: str | None,
    as_json: bool,
) -> int:
    """End the care for PACKAGE: it is audited and shown no longer. Its history is kept, its id is not given again.

    Copies stay where they are unless --delete-copies is given. What could not be deleted, because a replica is away or
    the run was killed, the same command deletes later; --reason is then not needed.
    """
    from preserve.app.removals import copies_of, package_to_remove, refuse_without_reason, remove
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from preserve.errors import UsageError
    from reports import removals

    if confirm is not None and not delete_copies:
        raise UsageError("--confirm goes with --delete-copies", remedy="Nothing is deleted without it.")
    with Workspace(invocation.settings()) as workspace:
        package = package_to_remove(workspace, identifier, deleting=delete_copies)
        refuse_without_reason(package, reason)
        if delete_copies:
            _refuse_unconfirmed(package, copies_of(workspace, package), confirm)
        with Progress("deleting", quiet=as_json or not delete_copies) as progress:
            view = remove(workspace, package, reason, deleting=delete_copies, progress=progress)
    if as_json:
        output.print_json(removals.as_json(view))
    else:
        output.show(removals.as_text(view))
    return OUTCOMES[removals.outcome_of(view)]


def _refuse_unconfirmed(package: "PackageRow", copies: "list[CopyRow]", confirm: str | None) -> None:
    """UsageError, before anything is done, unless the package's id was typed again."""
    from preserve.errors import UsageError

    if confirm is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "deleting copies must be confirmed; nothing was done",
                remedy=f"Give the package's id once more: --confirm {package.identifier}",
            )
        output.note(f"{len(copies)} copies of {package.identifier} will be deleted, and cannot be had back:")
        for copy in copies:
            output.note(f"  version {copy.version} on {copy.replica}")
        confirm = click.prompt("Type its id to go on", default="", show_default=False, err=True)
    if confirm != package.identifier:
        raise UsageError(
            f"{confirm!r} is not the id of the package; nothing was done",
            remedy="Type it as `preserve status` shows it.",
        )
