"""Who holds a lease; see `preserve.stores.holders`."""

from preserve.stores.holders import is_dead as is_dead
from preserve.stores.holders import this_process as this_process
