"""`preserve audit` and `preserve serve`."""

from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number, as_size, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from preserve.app.workspace import Workspace
    from preserve.catalog.rows import AuditRow
    from reports.rows import AuditView


@click.command("audit")
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option(
    "--replica", "replicas", multiple=True, type=as_text, metavar="NAME", help="Only on this replica; repeatable."
)
@click.option("--path", help="Read this one file on all its copies now; from the bag's root, such as data/page.jpg.")
@click.option("--due", is_flag=True, help="Only what is due by the settings' target_age, the oldest first.")
@click.option("--budget", type=as_size, metavar="SIZE", help="At most so many bytes, such as 200GB; the oldest first.")
@click.option("--resume", type=as_number, metavar="ID", help="Go on with an audit that stopped before its end.")
@click.option(
    "--claimed",
    is_flag=True,
    help="Ask the storage providers for their checksums; nothing is read. It proves less, and costs no traffic.",
)
@click.option(
    "--here",
    is_flag=False,
    flag_value=".",
    metavar="[FOLDER]",
    help="Read the disk that this folder lies on, by the backup on it; no settings, no catalog, nothing is written.",
)
@click.option("--soon", is_flag=True, help="Ask `preserve serve` to read these packages before all else; do not wait.")
@json_option
@config_option
@pass_invocation
def audit_command(
    invocation: Invocation,
    packages: tuple[str, ...],
    replicas: tuple[str, ...],
    path: str | None,
    due: bool,
    budget: int | None,
    resume: int | None,
    soon: bool,
    claimed: bool,
    here: str | None,
    as_json: bool,
) -> int:
    """Read copies again, past the cache, and compare them with what was taken in."""
    from preserve.errors import UsageError

    if here is not None:
        if packages or replicas or path is not None or due or budget or resume is not None or soon or claimed:
            raise UsageError("--here reads all of one disk", remedy="Give it alone, with a folder of that disk.")
        from preserve.cli.here import audit_here

        return audit_here(here, as_json)
    if soon:
        if path is not None or due or budget or resume is not None:
            raise UsageError(
                "--soon leaves the reading to `preserve serve`", remedy="Give it packages and replicas alone."
            )
        return _ask_soon(invocation, packages, replicas, as_json)
    if claimed and (soon or path is not None or due or resume is not None):
        raise UsageError("--claimed is an audit of its own", remedy="Give it packages, replicas and a budget alone.")
    if resume is not None and (packages or replicas or path or due or budget):
        raise UsageError("--resume goes on with what was asked for then", remedy="Give it alone.")
    if path is not None and (due or budget):
        raise UsageError("--path reads one file now", remedy="Leave out --due and --budget.")
    if path is not None:
        return _audit_path(invocation, path, packages, replicas, as_json)
    if due:
        return _audit_due(invocation, packages, replicas, budget, as_json)

    from checks.evidence import Evidence
    from preserve.app import audits
    from preserve.app.audit_views import audit_view
    from preserve.app.workspace import Workspace
    from preserve.cli.progress import Progress

    with Workspace(invocation.settings()) as workspace:
        if resume is not None:
            audit = audits.resume(workspace, resume)
        else:
            audit = audits.plan(workspace, packages=packages, replicas=replicas, budget_bytes=budget, claimed=claimed)
        left = audit.planned - audit.done
        verb = "ask the provider of" if audit.required < Evidence.READ else "read"
        output.note(f"audit {audit.id}: {left:,} {'shard' if left == 1 else 'shards'} to {verb}")
        with Progress("auditing", quiet=as_json) as progress:
            audits.announce(audits.remaining_work(workspace, [audit]), progress)
            try:
                audit = audits.run(workspace, audit, progress)
            except KeyboardInterrupt:
                output.note(f"go on with: preserve audit --resume {audit.id}")
                raise
        return _tell(audit_view(workspace, audit), as_json)


def _audit_due(
    invocation: Invocation, packages: tuple[str, ...], replicas: tuple[str, ...], budget: int | None, as_json: bool
) -> int:
    """What `serve` does in a run, for those who let cron do it."""
    from preserve.app import audits, runs
    from preserve.app.audit_views import run_view
    from preserve.app.reading import NOT_BELIEVED_REMEDY
    from preserve.app.workspace import Workspace, operator
    from preserve.audit.planning import Request
    from preserve.cli.progress import Progress
    from preserve.errors import UndeterminedError

    request = Request(packages=packages, replicas=replicas, due=True, budget_bytes=budget, by=operator())
    with Workspace(invocation.settings()) as workspace:
        with Progress("auditing", quiet=as_json) as progress:

            def begun(opened: "Sequence[AuditRow]") -> None:
                audits.announce(audits.remaining_work(workspace, opened), progress)
                for audit in opened:
                    shards = "shard" if audit.planned == 1 else "shards"
                    output.note(f"audit {audit.id}: {audit.planned:,} {shards} to read")

            try:
                ran = runs.run_due(workspace, request, progress, begun=begun)
            except Exception:
                _after(workspace, runs.tell)  # of a run that could not be made somebody has to hear, too
                raise
        for problem in ran.problems:
            output.warning(problem)
        for after in (runs.back_up_if_due, runs.tell):
            _after(workspace, after)
        if ran.disbelieved:
            raise UndeterminedError(ran.disbelieved, remedy=NOT_BELIEVED_REMEDY)
        return _tell(run_view(workspace, ran.audits), as_json)


def _after(workspace: "Workspace", deed: "Callable[[Workspace], str]") -> None:
    """What goes wrong with it changes nothing about the audit."""
    from preserve.cli.ending import words_of

    try:
        told = deed(workspace)
    except Exception as error:  # noqa: BLE001  nor does a disk that fails, or a mistake of ours
        output.warning(*words_of(error))
        return
    if told:
        output.note(told)


def _ask_soon(invocation: Invocation, packages: tuple[str, ...], replicas: tuple[str, ...], as_json: bool) -> int:
    """Leaves in the catalog what is to be read next; hours and budgets do not keep it waiting."""
    from checks.policy import Wanted
    from preserve.app.workspace import Workspace, operator
    from preserve.errors import UsageError

    if not packages:
        raise UsageError("--soon wants to know of which packages", remedy="Name them: preserve audit --soon PACKAGE")
    with Workspace(invocation.settings()) as workspace:
        package_ids = [package.id for package in workspace.packages(packages)]
        replica_ids = [replica.id for replica in workspace.replicas(replicas)]
        copies = workspace.catalog.copies(package_ids, replica_ids)
        if not copies:
            raise UsageError("there is no copy of them there", remedy="Place packages with `preserve replicate` first.")
        asked = workspace.catalog.ask_reading([copy.id for copy in copies], Wanted.ASKED, operator(), workspace.clock())
    if as_json:
        output.print_json({"outcome": "pass", "findings": [], "counts": {"shards": asked, "copies": len(copies)}})
    else:
        shards = "1 shard" if asked == 1 else f"{asked:,} shards"
        output.note(f"{shards} will be read before all else at the next look of `preserve serve` or `audit --due`")
    return 0


def _audit_path(
    invocation: Invocation, path: str, packages: tuple[str, ...], replicas: tuple[str, ...], as_json: bool
) -> int:
    from preserve.app import audits
    from preserve.app.audit_views import path_view
    from preserve.app.workspace import Workspace
    from preserve.cli.progress import Progress

    with Workspace(invocation.settings()) as workspace:
        meant = audits.path_meant(workspace, path)
        if meant != path:
            output.note(f"there is no file {path}; the one that is shown so is read")
            path = meant
        with Progress("reading", quiet=as_json) as progress:
            read = audits.read_path(workspace, path, progress, packages=packages, replicas=replicas)
        return _tell(path_view(workspace, path, read), as_json)


def _tell(view: "AuditView", as_json: bool) -> int:
    from preserve.cli.exits import OUTCOMES
    from reports import audits

    if as_json:
        output.print_json(audits.as_json(view))
    else:
        output.show(audits.as_text(view))
    return OUTCOMES[audits.outcome_of(view)]


@click.command("serve")
@config_option
@pass_invocation
def serve_command(invocation: Invocation) -> int:
    """Keep the schedule: look for what is due as often as `every` says, and read it. Ends on SIGTERM or Ctrl-C."""
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import GOOD, INTERRUPTED
    from preserve.daemon.serving import serve

    with Workspace(invocation.settings()) as workspace:
        try:
            serve(workspace, output.note)
        except KeyboardInterrupt:  # the service has said that it stopped
            return INTERRUPTED
    return GOOD
