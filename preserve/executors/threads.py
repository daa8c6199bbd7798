"""Threads over shards, and threads over the large files of a shard."""

import os
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType


class Threads:
    """Two pools, because a shard waits for its files: in one pool they could wait for each other for ever."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        self.shards = ThreadPoolExecutor(self.count, thread_name_prefix="shard")
        self.files = ThreadPoolExecutor(self.count, thread_name_prefix="file")

    def __enter__(self) -> "Threads":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shards.shutdown(wait=True, cancel_futures=True)
        self.files.shutdown(wait=True, cancel_futures=True)
