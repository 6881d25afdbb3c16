"""The formats in which others list companies, read into entities of ours. Pure: text in, entities and refusals out.

| format | header | what it is |
|---|---|---|
| `table` | entity_id, kind, names_en ... | ours; `newstide entities list --table` writes it |
| `listing` | code, region, name, exchange, type | one exchange's codes and names, English or Chinese |
| `sp500` | Symbol, Security, GICS Sector ... | the index's members |
| `variants` | (number), Symbol, Entity | an Indian symbol and the ways in which headlines write the company |
| `industry` | company, category | Chinese company names with their industry |
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from newstide.entities import table
from newstide.entities.folding import fold_name
from newstide.entities.names import HAN
from newstide.entities.vocabulary import NAME_CHARS_MAX, Entity, Kind, Listing, Name

Format = Literal["table", "listing", "sp500", "variants", "industry"]
ROWS_MAX: Final = 100_000
"""Of one file: more than any exchange lists."""


class Row(NamedTuple):
    """One line of a file: the entity that it tells of as far as it knows it, or why it tells of none."""

    line: int
    entity: Entity | None
    why: str = ""


_HEADERS: Final[dict[Format, tuple[str, ...]]] = {
    "listing": ("code", "region", "name", "exchange", "type"),
    "sp500": ("Symbol", "Security", "GICS Sector"),
    "variants": ("", "Symbol", "Entity"),
    "industry": ("company", "category"),
}
_SECTORS: Final[dict[str, str]] = {
    "Information Technology": "technology", "Communication Services": "communication",
    "Consumer Discretionary": "discretionary", "Consumer Staples": "staples", "Energy": "energy",
    "Financials": "financials", "Health Care": "health", "Industrials": "industrials", "Materials": "materials",
    "Real Estate": "property", "Utilities": "utilities",
}  # fmt: skip
_INDUSTRIES: Final = {
    "technology": "计算机 电子 通信 通讯",
    "communication": "传媒",
    "health": "医药生物 生物医疗 生物医药",
    "industrials": "电力设备 机械设备 机械制造 国防军工 交通运输 建筑装饰 环保",
    "materials": "基础化工 有色金属 钢铁 建筑材料",
    "discretionary": "汽车 商贸零售 社会服务 纺织服饰 家用电器 轻工制造",
    "staples": "美容护理 食品饮料 农林牧渔",
    "financials": "银行 非银金融",
    "property": "房地产",
    "utilities": "公用事业",
    "energy": "石油石化 煤炭",
}
_SECTOR_OF: Final = _SECTORS | {each: sector for sector, some in _INDUSTRIES.items() for each in some.split()}
_COUNTRIES: Final = {"SSE": "CN", "SZSE": "CN", "BSE": "CN", "NSE": "IN"}
_NO_COMPANY: Final = re.compile(
    r"\b(?:warrants?|rights?|units?|notes?|debentures?|preferred|preference|depositary shares each|etf|etn|fund|"
    r"trust units"
    r"|acquisition corp(?:oration)?|% )\b|权证|优先股",
    re.IGNORECASE,
)
_SHARES: Final = re.compile(
    r"[\s.,]*\b(?:common (?:stock|shares?)|ordinary shares?|class [a-c]\b|american depositary|ads\b|adr\b|"
    r"new york registry|"
    r"depositary|shares of beneficial|subordinate voting|voting shares|\(the\)|capital stock|common units).*$",
    re.IGNORECASE,
)
_FORM: Final = re.compile(
    r"[\s,]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|plc|llc|l\.?p|n\.?v|s\.?a|ag|se|spa|s\.p\.a|"
    r"holdings?|group|\(the\)|& co)\.?$",
    re.IGNORECASE,
)
_MARKS: Final = re.compile(
    r"^(?:\*?ST|SST|XD|XR|DR|N(?=[\u4e00-\u9fff])|C(?=[\u4e00-\u9fff]))|(?:-(?:W|SW|S|U|UW|B|R|P)+)$"
)


def format_of(text: str) -> Format | None:
    """The format that the first line names; None for none of ours."""
    first = first_line(text)
    if tuple(first.split("\t")) == table.COLUMNS:
        return "table"
    with suppress(csv.Error):
        cells = tuple(next(csv.reader([first]), ()))
        return next((name for name, header in _HEADERS.items() if cells[: len(header)] == header), None)
    return None


def first_line(text: str) -> str:
    return re.split(r"[\r\n]", text, maxsplit=1)[0]


def read(text: str, kind: Format, common_words: Collection[str] = ()) -> Iterator[Row]:
    """Every line of a file in that format. Names that are `common_words` become weak."""
    if kind == "table":
        for number, found in table.read(text):
            yield Row(number, None, str(found)) if isinstance(found, table.NoEntity) else Row(number, found)
        return
    lines = csv.reader(io.StringIO(text, newline=None))
    for number in range(1, ROWS_MAX + 1):
        cells: list[str] = []
        try:
            cells = next(lines)
            if number > 1:
                yield Row(number, table.checked(_READERS[kind](cells, common_words)))
        except StopIteration:
            return
        except (table.NoEntity, csv.Error) as error:
            yield Row(number, None, str(error))
        except (IndexError, ValueError):
            yield Row(number, None, f"{len(cells)} columns, not those of a {kind} file")
    yield Row(ROWS_MAX + 1, None, f"more than {ROWS_MAX:,} lines")


def _listing(cells: list[str], common: Collection[str]) -> Entity:
    code, _, name, exchange, sort = (cell.strip() for cell in cells[:5])
    if sort != "stock" or _NO_COMPANY.search(name):
        raise table.NoEntity("no share of a company")
    exchange = "US" if exchange in ("NASDAQ", "NYSE", "AMEX") else exchange
    names = _names_en(name, common) if not HAN.search(name) else _names_zh(name)
    return _company(names, Listing(exchange=exchange, symbol=code.replace("/", ".")), _COUNTRIES.get(exchange, ""))


def _sp500(cells: list[str], common: Collection[str]) -> Entity:
    symbol, name, sector = cells[0].strip(), cells[1].strip(), cells[2].strip()
    listing = Listing(exchange="US", symbol=symbol)
    return _company(_names_en(name, common), listing, "US", _SECTOR_OF.get(sector, ""))


def _variants(cells: list[str], common: Collection[str]) -> Entity:
    symbol = cells[1].strip()
    parts = [part.strip() for part in cells[2].split(",") if part.strip() and part.strip() != symbol]
    names: dict[str, Name] = {}
    for part in parts:
        for name in _names_en(re.sub(r"[-.\s]+Old$", "", part), common):
            names.setdefault(fold_name(name.text), name)
    return _company(tuple(names.values()), Listing(exchange="NSE", symbol=symbol), "IN")


def _industry(cells: list[str], common: Collection[str]) -> Entity:
    name, category = cells[0].strip(), cells[1].strip()
    if not HAN.search(name):
        raise table.NoEntity("no Chinese name")
    return _company(_names_zh(name), None, "", _SECTOR_OF.get(category, ""))


_READERS: Final[dict[str, Callable[[list[str], Collection[str]], Entity]]] = {
    "listing": _listing,
    "sp500": _sp500,
    "variants": _variants,
    "industry": _industry,
}


def _names_en(raw: str, common: Collection[str]) -> tuple[Name, ...]:
    """The name without its shares and its legal form. A single word is weak: nobody has looked at it."""
    name = _SHARES.sub("", " ".join(raw.split())).strip(" .,-")
    while (shorter := _FORM.sub("", name).strip(" .,-&")) != name and shorter:
        name = shorter
    if not 2 <= len(name) <= NAME_CHARS_MAX:
        raise table.NoEntity(f"no usable name: {raw[:40]!r}")
    words = fold_name(name).split()
    weak = len(words) == 1 or all(word in common for word in words)
    return (Name(text=name, language="en", weak=weak),)


def _names_zh(raw: str) -> tuple[Name, ...]:
    """The name without the exchange's marks (*ST, -W), and also without the letter of its share class."""
    name = _MARKS.sub("", unicodedata.normalize("NFKC", raw).replace(" ", ""))
    names = dict.fromkeys((name, re.sub(r"(?<=[\u4e00-\u9fff])[AB]$", "", name)))
    found = tuple(
        Name(text=each, language="zh", weak=each in _WORDS_ZH) for each in names if len(each) >= _HAN_CHARS_MIN
    )
    if not found or len(name) > NAME_CHARS_MAX:
        raise table.NoEntity(f"no usable name: {raw[:40]!r}")
    return found


_HAN_CHARS_MIN: Final = 3
"""Two characters stand in the middle of too many words for a name that nobody has looked at."""
_WORDS_ZH: Final = frozenset(
    (
        "太阳能 机器人 老百姓 新希望 好想你 完美世界 张家界 长白山 峨眉山 黄山旅游 西藏旅游 "
        "桂林旅游 丽江股份 白云山 红太阳 人民网 新华网 新世界 中国电影 东方明珠 国际医学 益生股份 "
        "海南橡胶 第一医药 大家居 大消费 新能源 互联网 房地产 消费金融 资金链 返利网 小额贷 "
        "大数据 云计算 区块链 供应链 产业链 有限公司 股份公司 上市公司 投资公司 基金公司 证券公司 "
        "信托公司 保险公司 商业银行 农商银行 城商行 大智慧 中国建筑材料 世纪城 新天地 海洋王 "
        "农产品 驱动力 金现代 新动力 新产业 新媒体 创业板 科创板 第一创业 三六五 一心堂 全聚德"
    ).split()
)
"""Names of listed companies that are everyday words."""


def _company(names: tuple[Name, ...], listing: Listing | None, country: str, sector: str = "") -> Entity:
    listings = (listing,) if listing else ()
    return Entity(
        entity_id=_new_id(names[0].text, listing),
        kind=Kind.COMPANY,
        names=names,
        country=country,
        sector=sector,
        listings=listings,
    )


def _new_id(name: str, listing: Listing | None) -> str:
    """A slug of a Latin name; of a Chinese one a hash of it and of where it is listed, for symbols change hands."""
    slug = re.sub(r"[^a-z0-9]+", "-", fold_name(name)).strip("-")[:48].strip("-")
    if slug and not HAN.search(name):
        return slug
    place = f"{listing.exchange}:{listing.symbol}" if listing else ""
    return "c-" + hashlib.sha256(f"{place}\x00{name}".encode()).hexdigest()[:12]
