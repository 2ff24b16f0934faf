"""Which picture a job's result may name: one of its own tenant's, by its digest, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.dashboard.pictures import drawn_by, pictures_of

SHA = "8182bfd06701db947b6f9ba7ebe300077d55708afb61d82bf3cccc6fc2e75d77"
GOOD = f"/v1/image_files/{SHA}.png"


def test_a_result_that_names_a_picture_is_shown_at_its_size() -> None:
    answer = {"id": "1", "result": {"image_url": GOOD, "width": 300, "height": 200}}

    drawn = drawn_by("here", answer)
    [picture] = pictures_of("here", answer, [])

    assert drawn is not None
    assert (drawn.path, drawn.sha256) == (f"storage/here/images/81/{SHA}.png", SHA)
    assert (picture.url, picture.width, picture.height) == ("/jobs/1/picture", 300, 200)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        {"image_url": None},
        {"image_url": f"https://evil.example{GOOD}"},
        {"image_url": "/v1/image_files/../../executions/x.png"},
        {"image_url": f"{GOOD}\n"},
        {"image_url": GOOD.replace("8", "B")},
    ],
)
def test_whatever_else_a_result_says_is_no_picture(result: Any) -> None:
    assert drawn_by("here", {"id": "1", "result": result}) is None
    assert pictures_of("here", {"id": "1", "result": result}, []) == []
