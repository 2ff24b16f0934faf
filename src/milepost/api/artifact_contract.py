"""What the routes of files take and answer."""

from __future__ import annotations

from milepost.api import schemas, shapes
from milepost.api.contract import IF_MATCH_FILE, IF_NONE_MATCH, Responses, answer, refused
from milepost.api.schemas import Schema, header, ref, text, thing
from milepost.kinds.executions.artifacts import CreateArtifact

BYTES: Schema = {"type": "string", "format": "binary"}
BRIEF = thing(
    "What a key is told of a file that it may give and not read.",
    {
        "id": {**schemas.UUID, "description": "The file's id."},
        "status": text("Its status."),
        "upload_url": text("Of an announced file alone: where its bytes are to be sent, by PUT."),
    },
    optional=("upload_url",),
)
FILE = shapes.or_brief(ref("Artifact"), BRIEF)
CREATE: Schema = {"requestBody": schemas.body(CreateArtifact)}
IF_THIS: Schema = {"parameters": [IF_MATCH_FILE]}
UPLOAD: Schema = {
    **IF_THIS,
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BYTES}}},
}
READ: Schema = {
    "parameters": [
        IF_MATCH_FILE,
        IF_NONE_MATCH,
        header("Range", "One part of the bytes, as RFC 9110 has it: `bytes=0-99`.", pattern="^bytes=.+$"),
        header("If-Range", "The part only if the file is this one; the whole otherwise."),
    ]
}
LISTED: Responses = {200: answer("Its files.", shapes.listed(ref("Artifact"), "In the order of their making."))}
CREATED: Responses = {
    201: answer("Registered, or announced: then its bytes are to be sent.", FILE, headers=("Location",)),
    **refused("checksum-mismatch"),
}
ONE: Responses = {200: answer("What is known of it.", ref("Artifact"))}
STORED: Responses = {
    200: answer("All of it is there.", FILE),
    **refused("illegal-transition", "checksum-mismatch", "payload-too-large"),
}
CONTENT: Responses = {
    200: answer(
        "The bytes.", BYTES, media_type="*/*", headers=("ETag", "Content-Disposition")
    ),
    206: answer(
        "A part of the bytes.", BYTES, media_type="*/*",
        headers=("ETag", "Content-Disposition", "Content-Range"),
    ),
    304: answer("Not changed.", headers=("ETag",)),
    **refused("range-not-satisfiable"),
}  # fmt: skip
ARCHIVED: Responses = {200: answer("Archived, now or before.", FILE), **refused("illegal-transition")}
DELETED: Responses = {204: answer("Deleted, now or before.")}
