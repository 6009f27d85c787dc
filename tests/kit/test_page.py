"""An exported page contains everything it needs and makes no request."""

import base64
import hashlib
import json
import re

import pytest

from dlviz.kit.page import document, page
from dlviz.kit.sanitize import from_json, json_safe


def payload(text):
    return json.loads(re.search(r'id="payload">(.*?)</script>', text, re.S)[1])


def test_state_and_view_are_inside_and_bytes_travel_as_base64():
    loaded = payload(
        page(
            "t",
            "export default {}",
            ".a{}",
            {"scene": {"x": b"\x00\xff", "list": [1, {"y": memoryview(b"z")}]}, "step": 3},
        )
    )
    assert loaded["esm"] == "export default {}"
    assert base64.b64decode(loaded["state"]["scene"]["x"]["$bytes"]) == b"\x00\xff"
    assert base64.b64decode(loaded["state"]["scene"]["list"][1]["y"]["$bytes"]) == b"z"
    assert loaded["state"]["step"] == 3


def test_no_text_of_the_learner_becomes_markup():
    evil = "</script><img src=x onerror=alert(1)>\u2028<!--"
    text = page(evil, "const a = '</script>';", "a::before{content:'</style>'}", {"label": evil})
    assert payload(text)["state"]["label"] == evil
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert text.count("</style>") == 1


def test_the_policy_allows_no_request():
    text = page("t", "", "", {})
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert not re.search(r'(?:src|href)="(?!data:)', text)


def test_the_policy_allows_only_the_page_s_own_script():
    text = page("t", "", "", {})
    script = re.search(r'<script type="module">(.*?)</script>', text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' blob:;" in text
    assert "import {" not in script
    plain = document("t", "", "<p>no script</p>")
    assert "script-src 'none'" in plain
    assert "<script" not in plain


def test_numbers_that_json_does_not_have_are_encoded_in_pages_and_in_messages_alike():
    numbers = {"x": float("nan"), "y": [float("inf"), (-float("inf"), 1.5)], "text": "NaN"}
    encoded = payload(page("t", "", "", numbers))["state"]
    assert encoded == json_safe(numbers) | {"y": [{"$number": "Infinity"}, [{"$number": "-Infinity"}, 1.5]]}
    assert encoded["x"] == {"$number": "NaN"}
    assert str(from_json(encoded)) == "{'x': nan, 'y': [inf, [-inf, 1.5]], 'text': 'NaN'}"


@pytest.mark.parametrize(
    "content", [{"$number": 3}, {"$number": "1e9"}, {"$number": "NaN", "more": 1}, {"$number": None}]
)
def test_only_encoded_numbers_are_decoded(content):
    assert from_json({"a": [content]}) == {"a": [content]}
