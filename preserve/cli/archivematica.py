"""`preserve archivematica`: the AIPs of an Archivematica Storage Service."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation

if TYPE_CHECKING:
    from uuid import UUID

_SHOWN = 50  # findings of one AIP on a terminal


@click.group("archivematica")
def archivematica_command() -> None:
    """List the AIPs of an Archivematica Storage Service, and check them."""


@archivematica_command.command("list")
@json_option
@config_option
@pass_invocation
def list_command(invocation: Invocation, as_json: bool) -> int:
    """The AIPs that the Storage Service lists: UUID, status, size, when stored, where."""
    from preserve.app.archivematica import list_aips
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import archivematica

    with Progress("looking", quiet=as_json) as progress:
        view = list_aips(invocation.settings(), progress)
    _warn(view.warnings)
    if as_json:
        output.print_json(archivematica.list_json(view), "aips", archivematica.aips_json(view))
    else:
        output.show_each(archivematica.list_text(view))
    return OUTCOMES[archivematica.list_outcome(view)]


@archivematica_command.command("check")
@click.argument("uuids", nargs=-1, metavar="[UUID]...")
@click.option("--all", "every", is_flag=True, help="All AIPs that the Storage Service lists.")
@click.option(
    "--by",
    "how",
    type=click.Choice(["fixity", "service", "download"]),
    default="fixity",
    show_default=True,
    help="fixity: the command of that name, its word held against the service's answer. service: the service is asked "
    "without it. download: the AIP is fetched and read here, the only one of the three that is more than a claim.",
)
@click.option("--force-local", is_flag=True, help="The service is to read its own bytes, not go by another's word.")
@json_option
@config_option
@pass_invocation
def check_command(
    invocation: Invocation, uuids: tuple[str, ...], every: bool, how: str, force_local: bool, as_json: bool
) -> int:
    """Check AIPs. What the Storage Service says of itself is shown as a claim, which is weaker than reading.

    Exit status 0: all are good by what was asked for; 1: damage; 3: something could not be determined.
    """
    from preserve.app.archivematica import check
    from preserve.archivematica.checked import How
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import archivematica

    if bool(uuids) == every:
        raise click.UsageError("name the UUIDs of AIPs, or --all")
    if force_local and how == "download":
        raise click.UsageError("--force-local goes with a check that the service makes, not with --by download")
    wanted = _uuids(uuids)
    with Progress("looking", quiet=as_json) as progress:
        view = check(invocation.settings(), wanted, How(how), locally=force_local, progress=progress)
    _warn(view.warnings)
    if as_json:
        output.print_json(archivematica.check_json(view), "findings", archivematica.findings_json(view))
    else:
        output.show_each(archivematica.check_text(view, most=_SHOWN if sys.stdout.isatty() else None))
    return OUTCOMES[archivematica.check_outcome(view)]


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        output.warning(warning)


def _uuids(texts: Sequence[str]) -> "list[UUID]":
    """Each once, in the order given."""
    from uuid import UUID

    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            raise click.UsageError(
                f"{text!r} is no UUID; `preserve archivematica list` shows those of the AIPs"
            ) from None
    return list(dict.fromkeys(found))
