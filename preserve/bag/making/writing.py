"""Making bags of version 1.0 (RFC 8493): as a copy, or of the source itself."""

from preserve.bag.making.request import BagRequest, Written
from preserve.progress import Progress, Silent


def write_bag(request: BagRequest, progress: Progress | None = None) -> Written:
    """Makes a bag, or goes on making one that was begun; the same request again ends what a crash cut off.

    Every byte of the source is read once, for all algorithms. At no moment does a half bag look like a bag.

    Raises:
        UsageError: a source is not there, is a bag already, or holds what a bag cannot carry; two have one name, or one
            lies in another; the target exists, lies in a source, or cannot be written to; what was chosen cannot be had
            in place; another process is at the same bag. Nothing was touched.
        UndeterminedError: files could not be read or changed meanwhile, the disk is full, or the copy is not read back
            as it was written. The sources are whole; what was done is kept for the next run.
    """
    shown = progress or Silent()
    if request.target is None:
        from preserve.bag.making.in_place import InPlace

        return InPlace(request, shown).run()
    from preserve.bag.making.copying import Copying

    return Copying(request, request.target, shown).run()
