"""A replica in an S3 bucket.

Single objects are read and written over kept connections of our own (`wire`), signed by botocore: boto3's own way gave
a third of the small objects a second, and obstore cannot address every key. All else (credentials, the endpoint's
address, listings, uploads in parts, deleting, questions about the bucket) is asked through boto3.

There is no rename, and there are no folders: a file is a key, and a folder is what keys have in common before a `/`.
"""

from preserve.stores.s3.store import S3Store

__all__ = ["S3Store"]
