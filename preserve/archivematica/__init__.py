"""AIPs in an Archivematica Storage Service: listed, checked by its own word, or downloaded and read here."""
