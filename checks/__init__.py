"""The judge: digests, inventories, shards, findings, verdicts and what is due.

Pure: nothing here opens a path, a database or a URL. Bytes, file-like sources and rows are handed in.
"""
