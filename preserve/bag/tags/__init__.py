"""Tag files (RFC 8493 §2.1, §2.2): what each says, line by line."""
