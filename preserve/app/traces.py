"""What a run looks for and leaves on replicas besides the reading: what stands there unknown; the journal head."""

from collections.abc import Mapping, Sequence

from checks.names import show
from preserve.app.workspace import Workspace
from preserve.audit.surveying import Survey, survey
from preserve.catalog.rows import ReplicaRow
from preserve.errors import UndeterminedError

SURVEYED = "replica-surveyed"  # kinds of the journal's links
HEAD_LEFT = "head-left"
_EXAMPLES = 10


def survey_replicas(workspace: Workspace, replicas: Sequence[ReplicaRow]) -> Mapping[str, Survey]:
    """What stands on these replicas and in no catalog, by replica; written down."""
    stores, found = workspace.stores(), {}
    for one in replicas:
        ignored = {path: name.what for path, name in workspace.catalog.ignored(one.uuid).items()}
        seen = survey(stores[one.id], workspace.catalog.locations(one.id), ignored)
        found[one.name] = seen
        names = [*seen.bags, *seen.folders, *seen.files]
        body = {
            "replica": str(one.uuid),
            "bags": len(seen.bags),
            "folders": len(seen.folders),
            "files": len(seen.files),
            "more": seen.more,
            "examples": [show(name) for name in names[:_EXAMPLES]],
            "problem": seen.problem,
        }
        workspace.catalog.record_of_itself(SURVEYED, body, workspace.clock())
    return found


def leave_heads(workspace: Workspace, replicas: Sequence[ReplicaRow]) -> list[str]:
    """Appends the journal's head to what each replica keeps of it; what could not be written, in words.

    Written down is only that it cannot be left any more, or can again: else each run would lengthen the journal.
    """
    (number, hash_), now = workspace.catalog.head(), workspace.clock()
    stores, last = workspace.stores(), workspace.catalog.latest_by_replica(HEAD_LEFT)
    problems = []
    for one in replicas:
        problem = ""
        try:
            stores[one.id].heads(workspace.catalog.uuid()).append(number, hash_, now)
        except UndeterminedError as error:
            problem = error.message
            problems.append(f"the head of the record could not be left on {one.name}: {problem}")
        _, before = last.get(str(one.uuid), (now, {}))
        if problem != before.get("problem", ""):
            workspace.catalog.record_of_itself(HEAD_LEFT, {"replica": str(one.uuid), "problem": problem}, now)
    return problems
