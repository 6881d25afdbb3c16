"""The snippet with which docs/alerts-delivery.md lets a receiver check a signature: it runs, and agrees with ours."""

import re
import runpy
from datetime import UTC, datetime
from pathlib import Path

from newstide.signing import secret_of, sign

SECRET = "whsec_" + "QUJD" * 8
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_snippet_takes_what_is_ours_and_nothing_else(root: Path, tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", (root / "docs/alerts-delivery.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "check.py").write_text(snippet)
    is_ours = runpy.run_path(str(tmp_path / "check.py"))["is_ours"]
    body, now = b'{"type":"alert.fired"}', AT.timestamp()
    old = secret_of("whsec_" + "REVG" * 8)
    headers = {
        "webhook-id": "d-1",
        "webhook-timestamp": str(int(now)),
        "webhook-signature": sign([old, secret_of(SECRET)], "d-1", AT, body),
    }
    assert is_ours(SECRET, headers, body, now)
    assert not is_ours(SECRET, headers, body + b" ", now)
    assert not is_ours(SECRET, headers | {"webhook-id": "d-2"}, body, now)
    assert not is_ours(SECRET, headers, body, now + 301)
