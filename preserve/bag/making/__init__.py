"""Making bags of version 1.0: as a copy, or of the source itself."""
