"""What the replicas remember of the journal's heads, line by line, and what of it a lost catalog took with it."""

from dataclasses import dataclass

from preserve.app.workspace import Workspace, presence
from preserve.catalog.rows import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """
    Attributes:
        heads: those that the journal must have.
        doubts: a sentence for each line that is no head, and for each replica that knows more than the backup did from
            which the catalog was made again: that may have been an accident, or made to look like one.
    """

    heads: list[Head]
    doubts: list[str]


def remembered(workspace: Workspace) -> Remembered:
    """Reads the heads of this catalog on all replicas that are there."""
    uuid, stores = workspace.catalog.uuid(), workspace.stores()
    found, doubts = list[Head](), list[str]()
    for replica in workspace.replicas():
        store = stores.get(replica.id)
        if store is None or not presence(store, replica).there:
            continue
        kept = store.heads(uuid)
        where = f"{replica.name}: heads/{kept.name.decode()}"
        lines, wrong = kept.read()
        doubts += [f"{where}: {fault}; find out why, move this file aside and keep it" for fault in wrong]
        first = {
            (one.number, one.hash): one.at for one in reversed(lines)
        }  # of runs that recorded nothing, one is enough
        heads = [Head(number=number, hash=hash_, at=at, where=where) for (number, hash_), at in sorted(first.items())]
        gone = _gone(workspace, heads)
        found += [head for head in heads if head not in gone]
        if gone:
            last = max(head.number for head in gone)
            doubts.append(
                f"{where} remembers links up to {last} that were lost when the catalog was made again from a backup; "
                "if you know of that, move this file aside and keep it"
            )
    return Remembered(heads=found, doubts=doubts)


def _gone(workspace: Workspace, heads: list[Head]) -> set[Head]:
    """Heads of links after a backup from which the catalog was made again, seen before that and not in it."""
    rebuilds = workspace.catalog.rebuilds() if heads else []
    doubted = {
        head
        for head in heads
        if any(head.number > one.head and head.at is not None and head.at <= one.at for one in rebuilds)
    }
    if doubted:
        last = max(head.number for head in doubted)
        by_number: dict[int, set[Head]] = {}
        for head in doubted:
            by_number.setdefault(head.number, set()).add(head)
        for link in workspace.catalog.journal(after=min(by_number) - 1):
            if link.number > last:
                break
            doubted -= {head for head in by_number.get(link.number, ()) if head.hash == link.hash}
    return doubted
