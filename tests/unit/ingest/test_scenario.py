"""The demo day is what docs/demo-scenario.md says, and an unsound day is refused."""

import re
from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from ingest.scenario import ScenarioStory, load, load_cast
from ingest.scenario.day import DAY_STARTS_AT, parse
from newstide.errors import DataInvalid

STORIES = load()
CAST = load_cast()
BY_ID = {story.id: story for story in STORIES}

# One string each: a ticker is looked for with its spaces.
FAMOUS_TICKERS = (
    " A AA AAPL ABBV ABT ADBE AMD AMZN ARM ASML AVGO AXP BA BABA BAC BIDU BP BRK BYD C CAT COIN CRM CSCO CVX DIS"
    " F GE GM GME GOOG GOOGL GS HD HSBC IBM INTC JD JNJ JPM KO LLY LMT MA MCD META MMM MRK MS MSFT MU NFLX"
    " NIO NKE NOK NVDA NVO ORCL PDD PEP PFE PG PYPL QCOM RIO SAP SBUX SHEL SHOP SONY T TCEHY TM TSLA TSM UBS"
    " UBER V VOD VZ WDI WFC WMT XOM XYZ ZM "
)
FAMOUS_NAMES = re.compile(
    r"\b(apple|microsoft|nvidia|tesla|amazon|alphabet|google|wirecard|adyen|intel|samsung|toyota|hsbc|boeing|shell)\b"
    "|阿里|腾讯|茅台|五粮液|宁德|比亚迪|中芯|恒大|万科|碧桂园|隆基|华为|小米|京东|百度|招商银行|苹果|特斯拉|英伟达",
    re.IGNORECASE,
)


def at(hours: int, minutes: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes)


def between(first: timedelta, last: timedelta) -> list[ScenarioStory]:
    return [story for story in STORIES if first <= story.at < last]


def of_arc(arc: str) -> list[ScenarioStory]:
    return [story for story in STORIES if story.arc == arc]


def original(story: ScenarioStory) -> ScenarioStory:
    while story.copy_of:
        story = BY_ID[story.copy_of]
    return story


# --- the day ---------------------------------------------------------------------------------------------------------


def test_there_are_several_hundred_distinct_stories_in_both_languages() -> None:
    languages = Counter(story.language for story in STORIES)
    assert len(STORIES) >= 420
    assert len({story.title for story in STORIES}) >= 380
    assert 0.50 <= languages["en"] / len(STORIES) <= 0.60
    assert 2 * sum(bool(story.body) for story in STORIES) >= len(STORIES)
    assert 0.2 < sum(not story.symbols for story in STORIES) / len(STORIES) < 0.5


def test_each_language_is_written_in_its_script() -> None:
    han = re.compile("[\u4e00-\u9fff]")
    assert [story.id for story in STORIES if story.language == "zh" and not han.search(story.title)] == []
    assert [story.id for story in STORIES if story.language == "en" and han.search(story.title + story.body)] == []


def test_only_declared_copies_share_a_title() -> None:
    first: dict[str, ScenarioStory] = {}
    for story in STORIES:
        earlier = first.setdefault(story.title, story)
        assert earlier is story or original(story) == original(earlier), story.id


def test_titles_are_not_spun_from_a_template() -> None:
    """No two independent titles of more than a few words are equal once numbers and company names are taken out."""
    names = sorted((n for c in CAST.companies for n in (c.ticker, c.name_en, c.name_zh)), key=len, reverse=True)
    hollow = re.compile("|".join([*map(re.escape, names), r"[\d.,%$€£¥]+"]), re.IGNORECASE)
    seen: dict[str, ScenarioStory] = {}
    for story in STORIES:
        shape = " ".join(hollow.sub("_", story.title).split())
        earlier = seen.setdefault(shape, story)
        related = original(story) == original(earlier) or story.root_id == earlier.root_id
        assert related or len(shape) < 12, (earlier.title, story.title)


def test_every_label_and_every_outlet_is_used() -> None:
    labels = Counter(story.expect for story in STORIES)
    assert min(labels.values()) >= 0.2 * len(STORIES)
    assert {story.source for story in STORIES} == {outlet.name for outlet in CAST.outlets}
    assert {tier for outlet in CAST.outlets for tier in [outlet.tier]} >= {"wire", "exchange", "newspaper", "flash"}


def test_the_quiet_hours_are_sparse() -> None:
    morning = len(between(DAY_STARTS_AT, at(9, 30))) / 120
    lunch = len(between(at(12, 7), at(13))) / 53
    scandal = len(between(at(11, 10), at(12))) / 50
    assert scandal > 4 * morning
    assert scandal > 4 * lunch
    assert {story.arc for story in between(at(12, 7), at(13))} == {"quiet"}


def test_the_earnings_beat_is_good_news_in_both_languages_and_then_upgrades() -> None:
    arc = of_arc("earnings_beat")
    assert arc[0].at >= at(10, 20)
    assert {story.language for story in arc} == {"en", "zh"}
    assert sum(story.expect == "positive" for story in arc) >= 0.6 * len(arc)
    assert {"Broadreach Research", "澄观研究"} <= {story.source for story in arc}


def test_the_scandal_starts_in_one_blog_and_spreads_by_copies_rewrites_and_translations() -> None:
    arc = of_arc("scandal")
    assert (arc[0].source, arc[0].at) == ("Margin of Doubt", at(11, 10))
    first_wire = next(story for story in arc if story.source == "Meridian Wire")
    assert first_wire.at > arc[0].at
    copies = [story for story in arc if story.copy_of]
    assert len(copies) >= 15
    assert all(original(story).source != story.source for story in copies)
    assert any(original(story).language != story.language for story in copies)
    titles = " ".join(story.title for story in arc)
    assert all(word in titles for word in ("HALTED", "停牌", "auditor", "辞任"))
    assert sum(story.expect == "negative" for story in arc) >= 0.8 * len(arc)


def test_the_denial_comes_after_the_scandal_and_splits_opinion() -> None:
    arc = of_arc("denial")
    assert arc[0].at >= at(13) > of_arc("scandal")[-1].at
    assert arc[0].expect == "positive"
    assert {story.expect for story in arc} == {"negative", "neutral", "positive"}
    assert any("enquiry" in story.title for story in arc)


def test_the_sector_shock_hits_several_chip_companies_and_lifts_one() -> None:
    arc = of_arc("sector_shock")
    sector = {company.ticker: company.sector for company in CAST.companies}
    hit = {s for story in arc if story.expect == "negative" for s in story.symbols if sector[s] == "chips"}
    assert arc[0].at == at(14, 40)
    assert len(hit) >= 4
    winner = Counter(story.expect for story in arc if "Jingli" in story.title or "璟砺" in story.title)
    assert winner["positive"] >= 8
    assert winner["negative"] == 0


def test_publishers_edit_some_stories() -> None:
    edits = [story for story in STORIES if story.revises]
    assert 4 <= len(edits) <= 8
    for story in edits:
        first = BY_ID[story.root_id]
        assert (first.source, first.url) == (story.source, story.url)
        assert (first.title, first.body) != (story.title, story.body)


@pytest.mark.parametrize(
    "words", ["预亏", "扭亏", "亏损收窄", "不及", "narrower loss", "denies", "风险提示", "由盈转亏", "?"]
)
def test_the_hard_cases_are_there(words: str) -> None:
    assert any(words in story.title for story in STORIES)


def test_nobody_in_the_cast_is_real() -> None:
    assert CAST.fictional is True
    assert 20 <= len(CAST.companies) <= 26
    assert not any(f" {company.ticker} " in FAMOUS_TICKERS for company in CAST.companies)
    assert not any(FAMOUS_NAMES.search(f"{company.name_en} {company.name_zh}") for company in CAST.companies)
    assert [story.id for story in STORIES if FAMOUS_NAMES.search(f"{story.title} {story.body}")] == []
    assert all(outlet.host.endswith(".example") for outlet in CAST.outlets)


def test_every_company_is_named_in_both_languages() -> None:
    texts = {lang: " ".join(f"{s.title} {s.body}" for s in STORIES if s.language == lang) for lang in ("en", "zh")}
    for company in CAST.companies:
        assert company.name_en.split(" ", maxsplit=1)[0] in texts["en"], company.ticker
        assert company.name_zh in texts["zh"], company.ticker


# --- reading ---------------------------------------------------------------------------------------------------------

GOOD: dict[str, object] = {
    "t": "09:00:00", "id": "a", "source": "Meridian Wire", "language": "en", "title": "Halvern rises", "body": "",
    "symbols": ["HLVN"], "url": "https://meridianwire.example/s/a", "arc": "quiet", "expect": "positive",
}  # fmt: skip


def day_of(*lines: dict[str, object]) -> str:
    return "\n".join(msgspec.json.encode(line).decode() for line in lines)


def test_a_sound_day_is_read() -> None:
    later = GOOD | {"id": "b", "t": "09:01:00", "title": "Halvern falls", "revises": "a"}
    first, second = parse(day_of(GOOD, later), CAST)
    assert (first.at, first.symbols, second.root_id) == (at(9), ("HLVN",), "a")


@pytest.mark.parametrize(
    "change",
    [
        {"t": "9 o'clock"},
        {"t": "07:29:59"},
        {"t": "18:30:00"},
        {"t": "08:00:00"},
        {"id": "a"},
        {"id": ""},
        {"title": " "},
        {"source": "The Real Times"},
        {"language": "zh"},
        {"url": "https://elsewhere.example/s/a"},
        {"symbols": ["AAPL"]},
        {"arc": "twist"},
        {"expect": "great"},
        {"copy_of": "nobody"},
        {"copy_of": "a"},
        {"revises": "nobody"},
        {"revises": "a", "url": "https://meridianwire.example/s/b"},
        {"mood": "sunny"},
    ],
)
def test_an_unsound_line_is_named(change: dict[str, object]) -> None:
    with pytest.raises(DataInvalid, match="line 2 "):
        parse(day_of(GOOD, GOOD | {"id": "b", "t": "09:01:00"} | change), CAST)


@pytest.mark.parametrize("text", ["", "{", "[]\n", "\n"])
def test_a_broken_day_is_refused(text: str) -> None:
    with pytest.raises(DataInvalid):
        parse(text, CAST)
