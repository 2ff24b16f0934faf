"""What can go wrong between a job and its files; every one of them is a `StoreRefused`."""

from __future__ import annotations

from milepost.domain.errors import MilepostError


class StoreRefused(MilepostError):
    """The store did not do it: full, unreachable, forbidden."""

    message = "The artifact store refused {path}: {problem}."
    hint = "Check the store's address, rights and free space ('milepost doctor'), then try again."


class NoSuchFile(StoreRefused):
    """Nothing is stored there."""

    message = "There is no stored file {path}."
    hint = None


class AlreadyStored(StoreRefused):
    """Something is: a stored file is never written again."""

    message = "{path} is stored already, and a stored file is never written again."
    hint = "Upload under a fresh name."


class FileTooLarge(StoreRefused):
    """More bytes came than were allowed; nothing was kept."""

    message = "{path} is larger than the {limit} bytes that are allowed."
    hint = "Split the file or raise the limit."


class DigestMismatch(StoreRefused):
    """The bytes are not the ones that were stored."""

    message = "{path} has the SHA-256 {found}, not {expected}."
    hint = "The file was damaged or replaced after it was stored; upload it again."


class InvalidPath(StoreRefused):
    """Not a path below storage/, or not one of this job's."""

    message = "{path} is not a path of a stored file: {problem}."
    hint = None
