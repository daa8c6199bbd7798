"""The catalog: what was taken in, where it lies, when it was read and what was found. `catalog.Catalog` opens it."""
