"""Making bags of version 1.0 (RFC 8493): as a copy, or of the source itself."""

from preserve.bag.request import BagRequest, Written
from preserve.progress import Progress, Silent


def write_bag(request: BagRequest, progress: Progress | None = None) -> Written:
    """Makes a bag, or goes on making one that was begun; the same request again ends what a crash cut off.

    Every byte of the source is read once, for all algorithms. At no moment does a half bag look like a bag.

    Raises:
        UsageError: the source is no folder, a bag already, or holds what a bag cannot carry; the target exists or lies
            in the source; another process is at the same bag. Nothing was touched.
        UndeterminedError: files could not be read or changed meanwhile, the disk is full, or the copy is not read back
            as it was written. The source is whole; what was done is kept for the next run.
    """
    shown = progress or Silent()
    if request.target is None:
        from preserve.bag.in_place import InPlace

        return InPlace(request, shown).run()
    from preserve.bag.copying import Copying

    return Copying(request, request.target, shown).run()
