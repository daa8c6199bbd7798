"""`preserve replica`: the places that hold copies."""

import os
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_identifier, as_number, as_text

if TYPE_CHECKING:
    from preserve.app.workspace import Workspace
    from preserve.catalog.rows import ReplicaRow


@click.group("replica")
def replica_command() -> None:
    """Add, list or remove a place that holds copies; bring back what lies in a cold class."""


@replica_command.command("add")
@click.argument("name")
@click.argument("place", metavar="PATH|URL")
@click.option("--medium", type=as_identifier, metavar="TEXT", help="What it is: disk, nas, tape …")
@click.option(
    "--site", type=as_identifier, metavar="TEXT", help="Where it stands; copies at one site are lost together."
)
@click.option("--offline", is_flag=True, help="It may be away, like a disk that is carried by hand.")
@click.option("--endpoint", type=as_text, metavar="URL", help="Of s3://: the provider, if it is not Amazon.")
@click.option("--region", type=as_text, metavar="TEXT", help="Of s3://: such as eu-central-1.")
@click.option("--profile", type=as_text, metavar="TEXT", help="Of s3://: a profile of ~/.aws.")
@click.option("--storage-class", type=as_text, metavar="TEXT", help="Of s3://: of what is written.")
@click.option(
    "--secret",
    type=as_text,
    metavar="WHERE",
    help="Where the key or password is kept: env:NAME, file:PATH (mode 600) or keyring:SERVICE/USER.",
)
@click.option("--known-hosts", metavar="FILE", help="Of sftp://: with the server's key; else ~/.ssh/known_hosts.")
@click.option("--key", metavar="FILE", help="Of sftp://: our private key; else the agent's and the usual ones.")
@click.option(
    "--take-over",
    is_flag=True,
    help="Even if it is a replica already that this catalog does not know; see the refusal.",
)
@config_option
@pass_invocation
def add_replica_command(
    invocation: Invocation,
    /,
    name: str,
    place: str,
    medium: str | None,
    site: str | None,
    offline: bool,
    secret: str | None,
    known_hosts: str | None,
    key: str | None,
    take_over: bool,
    **of_buckets: str | None,
) -> None:
    """Make a folder, s3://bucket/prefix or sftp://user@host/path the replica NAME.

    Writes its identity, adds it to the settings and the catalog. Elsewhere, a small file is written, read back and
    taken away first.
    """
    from preserve.app.replicas import add_replica
    from preserve.app.workspace import Workspace

    keys = {**of_buckets, "secret": _whole_source(secret), "known_hosts": _whole(known_hosts), "key": _whole(key)}
    with Workspace(invocation.settings()) as workspace:
        row = add_replica(
            workspace,
            name,
            place,
            medium=medium,
            site=site,
            offline=offline,
            keys=keys,
            take_over=take_over,
            warn=output.warning,
        )
    output.note(f"replica {row.name} added; its identity is {row.uuid}")
    with Workspace(invocation.settings()) as workspace:
        _tell_protection(workspace, row)


def _whole(path: str | None) -> str | None:
    """A path of the command line is relative to where it was given; one of the settings, to them."""
    return path if path is None or path.startswith("~") else os.path.abspath(path)


def _whole_source(source: str | None) -> str | None:
    if source is None or not source.startswith("file:") or source == "file:":
        return source
    return f"file:{_whole(source.removeprefix('file:'))}"


def _tell_protection(workspace: "Workspace", row: "ReplicaRow") -> None:
    """In plain words, whether what is deleted there could be had back."""
    from preserve.app.protections import protections
    from reports.protections import in_words, warnings

    line = protections(workspace, {row.name: True}).get(row.name)
    if line is None:
        return
    output.note(f"what its provider protects: {in_words(line)}")
    for message, remedy in warnings(line):
        output.warning(message, remedy)


@replica_command.command("list")
@json_option
@config_option
@pass_invocation
def list_replicas_command(invocation: Invocation, as_json: bool) -> None:
    """The replicas, whether they are there now, and what their providers protect."""
    from preserve.app.status import replicas_view
    from preserve.app.workspace import Workspace
    from reports import status

    with Workspace(invocation.settings()) as workspace:
        view = replicas_view(workspace)
    if as_json:
        output.print_json(status.replicas_json(view))
    else:
        output.show(status.replicas_text(view))


@replica_command.command("remove")
@click.argument("name")
@click.option("--last-copies", is_flag=True, help="Although packages have a copy nowhere else.")
@config_option
@pass_invocation
def remove_replica_command(invocation: Invocation, name: str, last_copies: bool) -> None:
    """Take a replica out of the settings. Its history stays in the catalog; nothing on it is touched."""
    from preserve.app.replicas import remove_replica
    from preserve.app.workspace import Workspace

    with Workspace(invocation.settings()) as workspace:
        remove_replica(workspace, name, last_copies=last_copies)
    output.note(f"replica {name} removed from the settings; what lies on it was not touched")


@replica_command.command("thaw")
@click.argument("name", type=as_text)
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option(
    "--days",
    type=as_number,
    metavar="N",
    default="14",
    show_default=True,
    help="For how many days the files shall be readable.",
)
@click.option("--found", is_flag=True, help="Only the files that an audit found not readable now.")
@json_option
@config_option
@pass_invocation
def thaw_command(
    invocation: Invocation, name: str, packages: tuple[str, ...], days: int, found: bool, as_json: bool
) -> int:
    """Ask the provider to bring back files of a cold class, and have them read as soon as they are there.

    The provider takes hours, and money: see docs/replicas.md. The reading is left to `preserve serve` or
    `preserve audit --due`, which come back until the files can be read.
    """
    from preserve.app.thawing import thaw
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import thawing

    with (
        Workspace(invocation.settings()) as workspace,
        Progress("asking the provider", quiet=as_json) as progress,
    ):
        line = thaw(workspace, name, packages, days=days, progress=progress, found_only=found)
    if as_json:
        output.print_json(thawing.as_json(line))
    else:
        output.show(thawing.as_text(line))
    return OUTCOMES[thawing.outcome_of(line)]
