"""`newstide demo --live`: real sources in place of the invented day. What it would start, without starting it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli.demo import Play, _Demo, _environment, _overrides
from cli.sources.common import enter
from ingest.roster import starter
from newstide.settings import load
from newstide.store import registry
from newstide.store.connect import connect


def test_it_polls_the_list_that_ships_and_says_nothing_of_invented_news(tmp_path: Path) -> None:
    settings, _ = load(environment={}, overrides=_overrides(tmp_path, 0, live=True))
    context: Any = SimpleNamespace(find_object=lambda _: None)
    demo = _Demo(context, settings, Play(1.0, 15.0, 1, dashboard=False, live=True), print)
    assert demo._ingest == ["feeds"]
    assert _environment(settings)["NEWSTIDE_DEMO"] == "false"
    database = connect(settings)
    found = registry.load_all(database)
    assert {each.source.name for each in found} == {each.name for each in starter()}
    assert all(each.source.enabled for each in found)
    assert enter(database, starter(), replace=False).changed == []
    database.close()
    demo._database.close()
