"""`preserve repair` and `preserve restore`."""

from pathlib import Path

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number, as_text


@click.command("repair")
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option(
    "--replica", "replicas", multiple=True, type=as_text, metavar="NAME", help="Only on this replica; repeatable."
)
@click.option("--apply", is_flag=True, help="Carry the plan out.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done; this is so without --apply.")
@click.option("--quarantine-untracked", is_flag=True, help="Set files aside that were never taken in.")
@click.option(
    "--confirm-change",
    multiple=True,
    type=as_text,
    metavar="REPLICA",
    help="Somebody looked into the mass change there: it may be written to again; repeatable.",
)
@json_option
@config_option
@pass_invocation
def repair_command(
    invocation: Invocation,
    packages: tuple[str, ...],
    replicas: tuple[str, ...],
    apply: bool,
    dry_run: bool,
    quarantine_untracked: bool,
    confirm_change: tuple[str, ...],
    as_json: bool,
) -> int:
    """What can be made whole, from which copy, and what damaged it: a plan. With --apply it is carried out.

    Only bytes that match what was taken in are good, whatever most copies hold. A bad file is never deleted: it is set
    aside in .preserve/quarantine/ on its replica. What was never read, or could not be, is told, with what to do next:
    the exit status is 3 then.
    """
    from preserve.app.repairs import repair
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from preserve.errors import UsageError
    from reports import repairs

    if apply and dry_run:
        raise UsageError("--apply and --dry-run cannot both be meant", remedy="Give one of them.")
    if confirm_change and not apply:
        raise UsageError("--confirm-change is an act", remedy="Give it together with --apply, once you know why.")
    with (
        Workspace(invocation.settings()) as workspace,
        Progress("repairing" if apply else "looking into the damage", quiet=as_json) as progress,
    ):
        view = repair(
            workspace,
            progress,
            packages=packages,
            replicas=replicas,
            apply=apply,
            quarantine_untracked=quarantine_untracked,
            confirm_change=confirm_change,
        )
    if as_json:
        output.print_json(repairs.as_json(view))
    else:
        output.show(repairs.as_text(view))
    return OUTCOMES[repairs.outcome_of(view)]


@click.command("restore")
@click.argument("package", type=as_text)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What becomes the bag; must not exist.",
)
@click.option("--version", type=as_number, metavar="N", help="An older version; else the current one.")
@json_option
@config_option
@pass_invocation
def restore_command(invocation: Invocation, package: str, target: Path, version: int | None, as_json: bool) -> int:
    """A whole verified bag out of the best files of all copies.

    Each file is digested while it is copied, and what was written is read back. What no copy has is listed, the rest is
    delivered; then the exit status is 1. So it is where what was written does not read back, after a second try.
    """
    from preserve.app.repairs import restore, restored_view
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import restoring

    with Workspace(invocation.settings()) as workspace:
        (row,) = workspace.packages((package,))
        with Progress("restoring and reading back", total_bytes=2 * row.size_bytes, quiet=as_json) as progress:
            view = restored_view(restore(workspace, package, target, progress, version=version))
    if as_json:
        output.print_json(restoring.as_json(view))
    else:
        output.show(restoring.as_text(view))
    return OUTCOMES[view.outcome]
