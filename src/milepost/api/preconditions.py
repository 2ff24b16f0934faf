"""If-Match and If-None-Match (RFC 9110, 13.1): what the client believes to be there."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from fastapi import Request

from milepost.api.problems import Problem
from milepost.domain.errors import VersionMismatch
from milepost.domain.job import Job

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
TAGS = re.compile(TAG)
LIST = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*(?:{TAG})?)*[ \t]*")
# a job's version, or the whole ETag, of which the version alone counts
VERSION = re.compile(r'"([1-9][0-9]{0,9})(?:\.[0-9a-z-]*)?"')
ANY = "*"


def named_tags(request: Request) -> frozenset[str] | None:
    """The strong tags that If-Match names; a weak one never matches. None: no condition, or anything that is there.

    Raises bad-request for what is no list of tags: to go on as if nothing had been asked could destroy something.
    """
    field = ",".join(request.headers.getlist("if-match")).strip()
    if "if-match" not in request.headers or field == ANY:
        return None
    if not LIST.fullmatch(field):
        raise Problem("bad-request", 'If-Match is a list of ETags or versions, each in quotes: "3".')
    return frozenset(tag for tag in TAGS.findall(field) if not tag.startswith("W/"))


def named_versions(request: Request) -> frozenset[int] | None:
    """Of a job, as If-Match names them. None: any. Raises bad-request."""
    tags = named_tags(request)
    if tags is None:
        return None
    return frozenset(int(found[1]) for tag in tags if (found := VERSION.fullmatch(tag)))


def expected(versions: AbstractSet[int] | None, job: Job) -> int | None:
    """The version of the job, if it is one of these; None for any. Raises VersionMismatch."""
    if versions is None:
        return None
    if job.version not in versions:
        named = " or ".join(map(str, sorted(versions)[:10])) or "one that If-Match names"
        raise VersionMismatch(job_id=job.id, expected=named, current=job.version, job=job)
    return job.version


def must_match(request: Request, tag: str | None) -> None:
    """Of a file with this tag; None: there are no bytes yet. Raises version-conflict."""
    tags = named_tags(request)
    if (tags is not None and tag not in tags) or (tag is None and "if-match" in request.headers):
        raise Problem("version-conflict", "The file is not one that If-Match names.")


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names the tag, weak or not, or anything that is there."""
    field = ",".join(request.headers.getlist("if-none-match")).strip()
    return field == ANY or tag in {found.removeprefix("W/") for found in TAGS.findall(field)}
