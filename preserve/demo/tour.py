"""The demonstration: the whole road on a small collection, told while it goes."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import config
from checks.evidence import Outcome
from checks.names import show
from preserve.app import audits
from preserve.app.audit_views import audit_view
from preserve.app.bag_views import validation_view
from preserve.app.file_views import drift_view, loss_view
from preserve.app.holdings import replicate, take_in
from preserve.app.lines import placed_line, taken_line
from preserve.app.repairs import repair
from preserve.app.replicas import add_replica
from preserve.app.status import status_view
from preserve.app.workspace import Workspace, init
from preserve.bag.validating.validation import validate
from preserve.demo.collection import IDENTIFIER, make
from preserve.demo.damage import vandalise
from preserve.errors import UndeterminedError, UsageError
from preserve.ingest.packaging import Packaging, package
from preserve.progress import Silent
from reports import audits as audit_reports
from reports import drift, holdings, loss, repairs, status, validation

if TYPE_CHECKING:
    from rich.console import RenderableType

_REPLICAS = (("nas", "disk", "reading room"), ("usb", "usb disk", "safe"), ("abroad", "nas", "partner abroad"))


class Tour:
    """Walks through everything in a new folder, which it leaves as it is.

    Args:
        say: shows a heading of a step.
        show_: shows a report.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], show_: "Callable[[RenderableType], None]") -> None:
        self._folder = folder
        self._say = say
        self._show = show_

    def walk(self) -> None:
        """UsageError if the folder is in use; UndeterminedError if an audit does not see what was done."""
        if self._folder.exists() and any(self._folder.iterdir()):
            raise UsageError(f"{self._folder} is not empty", remedy="Choose another folder: preserve demo FOLDER")
        self._bag()
        self._take_in()
        with self._workspace() as workspace:
            self._place(workspace)
            self._audit(workspace, "Audit: every byte of every copy, past the cache", Outcome.PASS)
            self._status(workspace)
            self._damage()
            self._audit(workspace, "Audit again: what does it see?", Outcome.FAIL)
            self._status(workspace)
            self._say("Drift: file by file, which copies are good and what can be repaired from where")
            self._show(drift.as_text(drift_view(workspace)))
            self._say("Loss: what no copy can make whole")
            self._show(loss.as_text(loss_view(workspace)))
            self._repair(workspace)
            self._audit(workspace, "Audit after the repair", Outcome.PASS)
            self._take_away(workspace)
        self._next()

    def _bag(self) -> None:
        collection, bag = self._folder / "collection", self._folder / "bags" / IDENTIFIER
        self._say(f"A small collection, made now: sun and moon over Phnom Penh, in {collection}")
        make(collection)
        self._say("Bag: one read of each byte gives sha256 and sha512, with a PREMIS file beside them")
        made = package(
            Packaging(
                sources=[os.fsencode(collection)],
                target=os.fsencode(bag),
                identifier=IDENTIFIER,
                info=(("External-Description", "Times of sun and moon for Phnom Penh, computed"),),
            )
        )
        self._show(validation.as_text(validation_view(made.bag, validate(made.bag))))

    def _take_in(self) -> None:
        self._say("A workspace: settings and a catalog; the bag is read once and taken in")
        init(self._folder)
        with self._workspace() as workspace:
            bag = self._folder / "bags" / IDENTIFIER
            taken = [taken_line(each) for each in take_in(workspace, [bag], Silent(), collection="almanacs")]
            self._show(holdings.taken_text(taken))
            for name, medium, site in _REPLICAS:
                place = self._folder / "replicas" / name
                place.mkdir(parents=True)
                add_replica(workspace, name, str(place), medium=medium, site=site, offline=False)

    def _workspace(self) -> Workspace:
        return Workspace(config.load(self._folder / "preserve.toml"))

    def _place(self, workspace: Workspace) -> None:
        self._say("Replicate to three places: copied, flushed, read back, and only then recorded")
        placed = [placed_line(each) for each in replicate(workspace, (), (), Silent())]
        self._show(holdings.placed_text(placed))

    def _audit(self, workspace: Workspace, heading: str, expected: Outcome, *, replicas: tuple[str, ...] = ()) -> None:
        self._say(heading)
        audit = audits.run(workspace, audits.plan(workspace, replicas=replicas), Silent())
        view = audit_view(workspace, audit)
        self._show(audit_reports.as_text(view))
        if audit_reports.outcome_of(view) is not expected:
            # A demonstration that shows something else than it says would be a false green of its own.
            raise UndeterminedError(
                f"this audit should have come to {expected}, and came to {audit_reports.outcome_of(view)}",
                remedy=f"The workspace is left in {self._folder}; please report it.",
            )

    def _damage(self) -> None:
        self._say("Damage, done to the files themselves, their times kept")
        copies = {name: self._folder / "replicas" / name / IDENTIFIER for name, _, _ in _REPLICAS}
        for deed in vandalise(copies):
            self._say(f"  at {deed.replica}: {show(os.fsencode(deed.words))}")

    def _repair(self, workspace: Workspace) -> None:
        self._say("Repair: only bytes that match what was taken in are good; what was bad is set aside, never deleted")
        self._show(repairs.as_text(repair(workspace, Silent(), apply=True, quarantine_untracked=True)))

    def _take_away(self, workspace: Workspace) -> None:
        self._say("One replica goes away: an outage is not a loss")
        place = self._folder / "replicas" / "abroad"
        place.rename(place.with_name("abroad (taken away)"))
        self._audit(workspace, "Audit of what is not there", Outcome.INCONCLUSIVE, replicas=("abroad",))
        self._status(workspace)

    def _status(self, workspace: Workspace) -> None:
        """At a glance; the findings were shown by the audit just before."""
        self._say("Status: packages and replicas at a glance")
        self._show(status.as_text(replace(status_view(workspace, limit=10), findings=(), total_findings=0)))

    def _next(self) -> None:
        there = shlex.quote(str(self._folder))
        self._say("Everything is left as it is. Try next:")
        for command in (
            *_on_path(),
            f"cd {there}",
            "mv 'replicas/abroad (taken away)' replicas/abroad",
            "preserve audit",
            "preserve status",
            "preserve report drift --format json",
            "preserve restore almanac-phnom-penh --to restored",
            "preserve premis export almanac-phnom-penh",
            "preserve audit --path data/recordings/កណ្តឹង.wav",
            "preserve validate replicas/nas/almanac-phnom-penh",
        ):
            self._say(f"  {command}")


def _on_path() -> tuple[str, ...]:
    """What makes `preserve` a command where it is installed in an environment that is not active."""
    if shutil.which("preserve") is not None:
        return ()
    return (f"export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH",)
