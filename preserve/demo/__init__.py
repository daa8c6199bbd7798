"""`preserve demo`: a small true collection, three replicas, real damage, and what the tool says of it."""
