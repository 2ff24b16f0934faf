"""The artifact store: whole files under paths that tell tenant and job, in a local folder or an S3-compatible bucket."""

from __future__ import annotations

from milepost.storage.bucket import s3_store
from milepost.storage.errors import AlreadyStored, DigestMismatch, FileTooLarge, InvalidPath, NoSuchFile, StoreRefused
from milepost.storage.spool import Spool
from milepost.storage.store import Store, local_store
from milepost.storage.stored import Stat, Stored

__all__ = [
    "AlreadyStored",
    "DigestMismatch",
    "FileTooLarge",
    "InvalidPath",
    "NoSuchFile",
    "Spool",
    "Stat",
    "Store",
    "StoreRefused",
    "Stored",
    "local_store",
    "s3_store",
]
