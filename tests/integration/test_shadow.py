"""`newstide process --shadow` from end to end: an embedded bus, a real session for each of two artifacts."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from cli.app import answer
from newstide import artifact
from newstide.artifact import Calibration
from newstide.bus.connect import connect as connect_bus
from newstide.bus.port import Outgoing
from newstide.codec import encode
from newstide.messages import content_hash_of
from newstide.settings import Settings
from newstide.store import health, shadow
from newstide.store.database import Database
from tests.integration.loops import item
from tests.tiny_artifact import write

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def newstide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Runs the command in a folder with two artifacts, the active one and a doubtful one; exit code, standard error."""
    write(tmp_path / "artifacts" / "active")
    made = write(
        tmp_path / "artifacts" / "doubtful",
        calibration={("story", language): Calibration(3.0, 0.9) for language in ("en", "zh")},
    )
    manifest = msgspec.structs.replace(artifact.read_manifest(made), name="doubtful")
    (made / artifact.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSTIDE_MODEL__ARTIFACT", "artifacts/active")
    monkeypatch.delenv("NEWSTIDE_STORE__URL", raising=False)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        return int(ended.value.code or 0), capfd.readouterr().err

    yield call


def publish(*titles: str) -> None:
    bus = connect_bus(Settings())
    producer = bus.producer()
    stories = [
        msgspec.structs.replace(item(n), title=title, content_hash=content_hash_of(title, ""))
        for n, title in enumerate(titles)
    ]
    producer.publish("news.raw", [Outgoing(0, b"k", encode(story)) for story in stories])
    producer.close()


def test_a_candidate_scores_beside_the_active_model(newstide: Call) -> None:
    assert newstide("topics", "create")[0] == 0
    publish("shares surge", "bank fraud", "公司盈", "shares and company")
    version = artifact.load(Path("artifacts/doubtful")).version
    assert newstide("process", "--drain", "--shadow", version)[0] == 0
    database = Database("sqlite:///var/newstide.db")
    (total,) = {p.stored for p in health.partitions(database) if p.stored}
    found = shadow.report(database)
    assert found is not None and total == 4
    assert (found.shadow, found.stories) == (version, 4)
    assert found.active == artifact.load(Path("artifacts/active")).version
    assert found.agreement < 1 and found.mean_absolute_difference
    database.close()


@pytest.mark.parametrize(
    ("candidate", "code", "why"),
    [("absent", 4, "there are: active, doubtful"), ("artifacts/active", 2, "another version")],
)
def test_a_candidate_that_cannot_be_one_is_told_at_the_start(
    newstide: Call, candidate: str, code: int, why: str
) -> None:
    assert newstide("topics", "create")[0] == 0
    found = newstide("process", "--drain", "--shadow", candidate)
    assert found[0] == code and why in found[1]
