"""Where somebody is told: a channel, and which addresses one may have. Pure; the network is asked elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

Tongue = Literal["en", "zh"]


class ChannelKind(StrEnum):
    """The words are stored: never rename one."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    CHAT = "chat"
    """Any service that Apprise speaks to and CHATS allows."""


CHATS: Final = frozenset(
    {
        "dingtalk", "discord", "feishu", "gchat", "lark", "pagerduty", "pover", "schan", "slack", "tgram", "wecombot",
        "workflows",
    }
)  # fmt: skip
"""Apprise's schemes that we let through: each was read, and asks the web by `requests` alone (see alerts/chat.py).
`workflows` is Microsoft Teams, `tgram` Telegram, `wecombot` WeCom, `schan` ServerChan, `pover` Pushover."""
CHAT_OPTIONS: Final = frozenset({"thread"})
"""Of such an address. Others read files and pages (`template`), switch checks off (`verify`) or follow redirects."""
ADDRESS_CHARS_MAX: Final = 2_000
_MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""What a mail address looks like when nobody plays tricks with it."""


@dataclass(frozen=True, slots=True)
class Channel:
    owner: str
    name: str
    kind: ChannelKind
    address: str = field(repr=False)
    """A secret: it may hold a token."""
    secret: str = field(default="", repr=False)
    """Of a webhook: `whsec_…`, two separated by a space while it is rotated."""
    language: Tongue = "en"
    disabled_at: datetime | None = None
    disabled_why: str = ""

    @property
    def shown(self) -> str:
        """As much of the address as anybody may see."""
        parts = _split(self.address)
        if parts is None:
            return "…"
        if self.kind is ChannelKind.MAIL:
            name, _, domain = parts.path.partition("@")
            return f"mailto:{name[:1]}…@{domain}"
        return (
            f"{parts.scheme}://{parts.hostname or ''}/…" if self.kind is ChannelKind.WEBHOOK else f"{parts.scheme}://…"
        )


def kind_of(address: str) -> ChannelKind:
    """Raises ValueError: what is wrong with the address, never the address."""
    if len(address) > ADDRESS_CHARS_MAX:
        raise ValueError(f"address: longer than {ADDRESS_CHARS_MAX:,} characters")
    if not address.isprintable() or " " in address:
        raise ValueError("address: it holds a space or a character that nobody can see")
    parts = _split(address)
    if parts is None:
        raise ValueError("address: it cannot be read")
    if parts.scheme in ("http", "https"):
        return _webhook(parts)
    if parts.scheme == "mailto":
        if _MAILBOX.fullmatch(parts.path) is None or parts.query:
            raise ValueError("address: write it as mailto:name@example.com, without anything behind")
        return ChannelKind.MAIL
    if parts.scheme not in CHATS:
        known = ", ".join(("https", "mailto", *sorted(CHATS)))
        raise ValueError(f"address: it must begin with one of {known}")
    foreign = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - CHAT_OPTIONS)
    if foreign or (parts.query and not parse_qsl(parts.query)):
        raise ValueError(f"address: the option {foreign[0][:20] if foreign else '?'} is not allowed")
    return ChannelKind.CHAT


def _webhook(parts: SplitResult) -> ChannelKind:
    if not parts.hostname:
        raise ValueError("address: it names no host")
    if parts.username or parts.password:
        raise ValueError("address: it carries a user name or a password; the signature is what proves us")
    if parts.fragment:
        raise ValueError("address: what stands after # is never sent")
    return ChannelKind.WEBHOOK


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _port = parts.port  # may be no number
    except ValueError:
        return None
    return parts
