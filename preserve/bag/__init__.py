"""BagIt (RFC 8493): reading, validating and writing bags. Names are bytes; damage is a finding, never an exception."""
