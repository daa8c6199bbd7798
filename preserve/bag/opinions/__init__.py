"""What another implementation says of the same bag."""
