"""BagIt (RFC 8493): reading, validating and writing bags."""
