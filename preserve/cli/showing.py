"""`preserve status` and `preserve report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number, as_text

if TYPE_CHECKING:
    from preserve.app.workspace import Workspace

_KINDS = ("drift", "loss", "audit")


@click.command("status")
@click.option(
    "--limit",
    type=as_number,
    metavar="N",
    default=50,
    show_default=True,
    help="Packages shown, the worst first; all are counted.",
)
@json_option
@config_option
@pass_invocation
def status_command(invocation: Invocation, limit: int, as_json: bool) -> int:
    """Packages and replicas at a glance, and how long ago every byte was last read."""
    from preserve.app.status import status_view
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from reports import status

    with Workspace(invocation.settings()) as workspace:
        view = status_view(workspace, limit=limit)
    if as_json:
        output.print_json(status.as_json(view))
    else:
        output.show(status.as_text(view))
    return OUTCOMES[status.outcome_of(view)]


def _refuse_unknown(workspace: "Workspace", packages: tuple[str, ...]) -> None:
    """An audit is named by its number, and by nothing else: whoever names one by an argument is told."""
    from preserve.errors import UsageError

    known = {package.identifier for package in workspace.packages()}
    for name in packages:
        if name not in known:
            raise UsageError(
                f"no package is called {name}",
                remedy=f"Did you mean --audit {name}?" if name.isdecimal() else "`preserve status` lists them.",
            )


@click.command("report")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
@json_option
@click.option("--output", "target", type=click.Path(path_type=Path), help="Write it to this file.")
@click.option("--audit", "audit_id", type=as_number, metavar="ID", help="Which audit (for `audit`); else the last one.")
@config_option
@pass_invocation
def report_command(
    invocation: Invocation,
    kind: str,
    packages: tuple[str, ...],
    form: str,
    as_json: bool,
    target: Path | None,
    audit_id: int | None,
) -> None:
    """What differs where and which copies are good (drift), what cannot be made whole (loss), what an audit did."""
    form = "json" if as_json else form
    from preserve.app.audit_views import audit_named, audit_view
    from preserve.app.file_views import drift_view, loss_view
    from preserve.app.workspace import Workspace
    from reports import audits, drift, loss

    with Workspace(invocation.settings()) as workspace:
        if kind == "audit":
            _refuse_unknown(workspace, packages)
            audit = audit_view(workspace, audit_named(workspace, audit_id))
            document, text = audits.as_json(audit), audits.as_text(audit)
        elif kind == "drift":
            drifted = drift_view(workspace, packages)
            document, text = drift.as_json(drifted), drift.as_text(drifted)
        else:
            lost = loss_view(workspace, packages)
            document, text = loss.as_json(lost), loss.as_text(lost)
    if target is not None:
        output.write_report(target, document if form == "json" else text)
        output.note(f"written: {target}")
    elif form == "json":
        output.print_json(document)
    else:
        output.show(text)
