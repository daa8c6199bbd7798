"""Search by part of a name."""

from sqlalchemy import select

from preserve.catalog.columns import decode_paths
from preserve.catalog.database import Database
from preserve.catalog.schema import package, record, shard


class Searching(Database):
    """Search by part of a name in the current versions of packages."""

    def search(self, text: str, limit: int = 100) -> list[tuple[str, bytes]]:
        """Up to `limit` (package, path) whose path has `text` in it; ASCII letters match in either case."""
        wanted = text.encode("utf-8", "surrogateescape").lower()
        query = (
            select(package.c.identifier, record.c.paths)
            .join_from(package, shard, shard.c.inventory_id == package.c.inventory_id)
            .join(record, record.c.shard_id == shard.c.id)
            .order_by(package.c.identifier, shard.c.start)
        )
        found: dict[tuple[str, bytes], None] = {}
        with self.reading() as connection:
            for identifier, paths in connection.execute(query):
                for path in decode_paths(paths):
                    if wanted in path.lower():
                        found[identifier, path] = None
                        if len(found) == limit:
                            return list(found)
        return list(found)
