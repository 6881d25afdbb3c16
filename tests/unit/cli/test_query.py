"""`newstide query`, `export`, `rescore` and `study`, on an embedded store."""

import csv
import json
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from math import exp
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec import structs

from cli.app import answer
from newstide.scoring.stub import StubScorer
from newstide.store import migrate, reads, writes
from newstide.store.database import Database
from newstide.store.filters import Filters
from tests.contract.stories import NOON, count, like, scored, store, towards

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A week of stories, the last day with Apple in it, stored an hour after noon."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    made = Database("sqlite:///var/newstide.db")
    migrate.upgrade(made)
    batch = [scored(n, title=f"Profit {n}", minute=-60 * n, score=0.5, topic="earnings") for n in range(168)]
    batch += [
        scored(200 + n, title="=1+1", minute=-n, score=-0.5, entities=(towards("apple", -0.5),)) for n in range(9)
    ]
    with made.transaction() as connection:
        writes.add_stories(connection, batch, NOON + timedelta(hours=1))
    return made


@pytest.fixture
def newstide(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


THEN = (NOON + timedelta(hours=2)).isoformat()
QUERIES = [
    ("query", "stories", "--limit", "500"),
    ("query", "stories", "--entity", "apple", "--label", "negative", "--text", "1+1"),
    ("query", "index", "--step", "6h", "--window", "1d"),
    ("query", "index", "--entity", "apple", "--topic", "earnings", "--language", "en", "--tier", "2"),
    ("query", "movers"),
    ("query", "movers", "--by", "sentiment", "--window", "2d"),
    ("query", "novelty"),
    ("query", "breadth"),
]


@pytest.mark.parametrize("query", QUERIES)
def test_as_of_prints_the_same_bytes_for_ever(database: Database, newstide: Call, query: tuple[str, ...]) -> None:
    forms = [(*query, "--as-of", THEN), (*query, "--as-of", THEN, "--json")]
    before = [newstide(*form) for form in forms]
    assert [code for code, _, _ in before] == [0, 0]
    with database.transaction() as connection:
        late = [scored(500 + n, minute=-n * 7, score=0.9, entities=(towards("apple", 0.9),)) for n in range(99)]
        edits = [scored(n, title="Edited", revision=2, minute=-60 * n) for n in range(0, 168, 5)]
        again = [scored(n, title=f"Profit {n}", minute=-60 * n, score=-0.9, model="m-2") for n in range(168)]
        writes.add_stories(connection, late + edits + again, NOON + timedelta(days=3))
    assert [newstide(*form) for form in forms] == before


def test_what_is_asked_is_answered(database: Database, newstide: Call) -> None:
    _, out, _ = newstide("query", "index", "--as-of", THEN, "--step", "1d", "--since", "2026-03-01", "--json")
    (point,) = json.loads(out)
    assert (point["at"], point["count"]) == ("2026-03-02T00:00:00+00:00", 24), "whole steps, from where was asked"
    _, out, _ = newstide("query", "index", "--as-of", THEN, "--json")
    points = json.loads(out)
    assert (len(points), points[-1]["at"], points[-1]["count"]) == (30, "2026-03-02T14:00:00+00:00", 23 + 9)
    _, out, _ = newstide("query", "movers", "--as-of", THEN, "--json")
    (mover,) = json.loads(out)
    assert (mover["entity"], mover["count"], mover["volume_z"]) == ("apple", 9, None)
    assert mover["mean"] == pytest.approx(-0.5)
    _, out, _ = newstide("query", "stories", "--entity", "apple", "--json")
    assert {row["title"] for row in json.loads(out)} == {"=1+1"}
    assert mover["name"] is None, "a name is of today, and would change the answer"
    assert newstide("query", "stories", "--entity", "苹果公司", "--json")[1] == out
    assert newstide("query", "stories", "--entity", "AAPL", "--json")[1] == out
    _, out, _ = newstide("query", "index", "--as-of", THEN, "--since", "2026-01-01", "--until", "2026-01-03")
    assert " 0 " in out and "-" in out, "no data is shown as none"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("query", "stories", "--as-of", "2199-01-01"), "not settled"),
        (("query", "stories", "--since", "yesterday"), "is no time"),
        (("query", "stories", "--since", "2026-03-02", "--until", "2026-03-01"), "--since"),
        (("query", "stories", "--until", ""), "is no time"),
        (("query", "index", "--until", "9999-12-31T23:59:59"), "years go from 1900"),
        (("query", "index", "--until", "0001-01-01"), "years go from 1900"),
        (("query", "index", "--since", "1900-01-01", "--step", "9999w", "--half-life", "9999w"), "up to ten years"),
        (("query", "stories", "--language", "fr"), "none of en, zh, und"),
        (("query", "movers", "--topic", "earning"), "none of earnings, guidance"),
        (("query", "movers", "--model", "m-7"), "the model versions are: m-1"),
        (("query", "breadth", "--model", "m-1", "--as-of", "2026-03-01"), "the model versions are: none"),
        (("query", "stories", "--text", "\udcff"), "is not UTF-8"),
        (("query", "index", "--step", "0h"), "no length of time"),
        (("query", "index", "--step", "1h", "--since", "1990-01-01"), "too many"),
        (("query", "index", "--since", "2026-03-01", "--until", "2026-03-01T02:00"), "no whole step"),
        (("query", "index", "--entity", "Aple"), "did you mean apple"),
        (("query", "novelty", "--entity", "\x1b[31mnobody at all"), "is no entity"),
        (("export", "stories", "out.xlsx"), "does not say"),
        (("export", "stories", "nowhere/out.csv"), "there is no folder nowhere"),
        (("study", "nowhere.csv"), "cannot be read"),
        (("study", "prices.csv", "--close", "16:00", "--overlay", "nowhere/out.csv"), "there is no folder nowhere"),
        (("study", "prices.csv"), "dates and no times"),
        (("study", "prices.csv", "--close", "16:00", "--zone", "Mars/Olympus"), "--zone"),
        (("rescore", "--artifact", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_is_said(database: Database, newstide: Call, arguments: tuple[str, ...], told: str) -> None:
    Path("prices.csv").write_text("date,close\n2026-03-01,1\n2026-03-02,2\n")
    code, out, err = newstide(*arguments)
    assert code in (2, 4)
    assert told in err
    assert "Traceback" not in err
    assert out == ""


def test_movers_have_names_and_clusters_their_windows(database: Database, newstide: Call) -> None:
    known = [structs.replace(like(300, n), similar_12h=n, similar_7d=n + 1, days_since_similar=n / 2) for n in range(3)]
    copies = [scored(300 + n, title="Apple halves production", minute=n, novelty=known[n]) for n in range(3)]
    store(database, copies)
    until = (NOON + timedelta(hours=1)).isoformat()
    _, out, _ = newstide("query", "movers", "--until", until, "--json")
    (mover,) = json.loads(out)
    assert (mover["entity"], mover["name"]) == ("apple", "Apple")
    _, out, _ = newstide("query", "novelty", "--until", until, "--json")
    (cluster,) = json.loads(out)
    assert (cluster["stories"], cluster["similar_12h"], cluster["similar_7d"]) == (3, 2, 3)
    _, out, _ = newstide("query", "novelty", "--until", until)
    assert "12h" in out and "7d" in out
    newstide("export", "stories", "told.parquet", "--text", "halves")
    rows = [(r["copies"], r["similar_7d"], r["days_since_similar"]) for r in pq.read_table("told.parquet").to_pylist()]
    assert rows == [(0, 1, 0.0), (1, 2, 0.5), (2, 3, 1.0)]


def test_an_export_equals_the_database(database: Database, newstide: Call) -> None:
    code, _, err = newstide("export", "stories", "out.parquet")
    assert code == 0
    assert "at most 177 rows" in err
    rows = pq.read_table("out.parquet").to_pylist()
    assert len(rows) == count(database, "stories") == 177
    times = [row["published_at"] for row in rows]
    assert times == sorted(times)
    by_id = {row.story_id: row for row in reads.list_stories(database, Filters(), 1_000)}
    for row in rows:
        kept = by_id[row["story_id"]]
        assert (row["title"], row["score"], row["topic"]) == (kept.title, kept.score, kept.topic)
    newstide("export", "stories", "out.csv", "--label", "negative")
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 9
    assert {cell["title"] for cell in cells} == {"'=1+1"}
    assert {float(cell["score"]) for cell in cells} == {-0.5}
    _, out, err = newstide("export", "stories", "links.ndjson", "--entities", "--json")
    assert "at most 9 rows" in err
    assert json.loads(out) == {"file": "links.ndjson", "rows": 9}
    links = [json.loads(line) for line in Path("links.ndjson").read_text().splitlines()]
    assert {(link["entity_id"], link["matched"], link["match_end"]) for link in links} == {("apple", "apple", 5)}
    _, out, _ = newstide("export", "stories", "apple.csv", "--entities", "--entity", "苹果公司", "--json")
    assert json.loads(out)["rows"] == 9
    newstide("export", "index", "index.parquet", "--since", "2026-02-20", "--until", "2026-03-03")
    points = pq.read_table("index.parquet").to_pylist()
    assert sum(point["count"] for point in points) == 177


def test_a_rescore_stands_beside_and_is_done_once(
    database: Database, newstide: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newstide.scoring.connect.connect", lambda settings: StubScorer())
    Path("candidate").mkdir()
    before = reads.list_stories(database, Filters(), 1_000)
    code, out, _ = newstide("rescore", "--artifact", "candidate", "--since", "2026-03-01", "--json")
    first = json.loads(out)
    assert (code, first["model"]) == (0, "stub-1")
    assert 0 < first["stories"] < 177
    _, out, _ = newstide("rescore", "--artifact", "candidate", "--json")
    assert json.loads(out)["stories"] == 177 - first["stories"]
    _, out, _ = newstide("rescore", "--artifact", "candidate", "--json")
    assert json.loads(out)["stories"] == 0
    assert reads.list_stories(database, Filters(), 1_000) == before
    _, out, _ = newstide("query", "stories", "--model", "stub-1", "--limit", "1000", "--json")
    rows = json.loads(out)
    assert len(rows) == 177
    assert next(row for row in rows if row["title"] == "Profit 7")["label"] == "positive"


def test_the_longest_lengths_from_the_first_year_are_answered(database: Database, newstide: Call) -> None:
    lengths = ("--step", "520w", "--window", "520w", "--half-life", "520w")
    code, out, _ = newstide("query", "index", "--since", "1900-01-01", "--until", "1911-01-01", *lengths, "--json")
    (point,) = json.loads(out)
    assert (code, point["count"], point["mean"]) == (0, 0, None)


def test_a_study_of_an_entity_finds_what_leads_its_price(database: Database, newstide: Call) -> None:
    """Eighty days, of which the news of each moves the price of the next; its noise does not."""
    noise = random.Random(5)  # noqa: S311 - not a secret
    scores = [round(noise.uniform(-0.9, 0.9), 3) for _ in range(80)]
    news = [
        scored(700 + n, minute=1_440 * n, score=0.1, entities=(towards("apple", score),))
        for n, score in enumerate(scores)
    ]
    store(database, news)
    moves = [0.0, *(0.02 * score for score in scores)]
    for name, returns in (("led.csv", moves), ("noise.csv", noise.sample(moves, len(moves)))):
        prices = [100 * exp(sum(returns[: n + 1])) for n in range(81)]
        days = [f"{NOON + timedelta(days=n, hours=1):%Y-%m-%d},{price}" for n, price in enumerate(prices)]
        Path(name).write_text("\n".join(["Date,Close", *days]))
    asked = ("--entity", "AAPL", "--close", "16:00", "--clock", "published", "--json")
    led = {row["lag"]: row for row in json.loads(newstide("study", "led.csv", *asked)[1])["lead_lag"]}
    assert led[1]["correlation"] > 0.9 and led[1]["p_corrected"] <= 0.01
    assert all(row["p_corrected"] > 0.05 for lag, row in led.items() if lag != 1)
    found = json.loads(newstide("study", "noise.csv", *asked)[1])["lead_lag"]
    assert all(row["p_corrected"] > 0.05 for row in found)


def test_a_study_joins_what_was_known(database: Database, newstide: Call) -> None:
    """All was stored at 13:00; by the publisher's stamp there is one story an hour."""
    start = NOON - timedelta(hours=100)
    lines = [f"{(start + timedelta(hours=n)).isoformat()},{100 + n % 3}" for n in range(110)]
    Path("prices.csv").write_text("time,price\n" + "\n".join(lines))
    _, out, _ = newstide("study", "prices.csv", "--json")
    found = json.loads(out)
    assert (found["intervals"], found["with_news"], found["stories"]) == (109, 1, 177)
    code, out, _ = newstide("study", "prices.csv", "--clock", "published", "--overlay", "over.csv", "--json")
    found = json.loads(out)
    assert found["with_news"] == 100
    assert [row["lag"] for row in found["lead_lag"]] == list(range(-5, 6))
    with Path("over.csv").open(newline="") as file:
        overlay = list(csv.DictReader(file))
    assert len(overlay) == 110
    assert overlay[0]["log_return"] == ""
    assert overlay[0]["mean"] == "", "no news is no value"
    code, out, err = newstide("study", "prices.csv", "--clock", "published")
    assert code == 0
    assert "association" in out
    assert "--clock published" not in err
    _, _, err = newstide("study", "prices.csv", "--topic", "labour")
    assert "--clock published" in err, "an empty study says why it may be"
