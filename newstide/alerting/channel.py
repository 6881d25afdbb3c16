"""Where somebody is told: a channel, and which addresses one may have. Pure; the network is asked elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

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
ADDRESS_CHARS_MAX: Final = 2_000
_SCHEME: Final = re.compile(r"([a-z][a-z0-9]{0,15}):")
_WEB: Final = re.compile(r"https?://([^/?#\\]+)([/?][^#]*)?")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_MAILBOX: Final = re.compile(r"mailto:([A-Za-z0-9.!#$%&'*+/=^_{|}~-]{1,64})@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
"""What a mail address looks like when nobody plays tricks with it."""
_CHAT: Final = re.compile(r"[a-z]+://[^?]+(\?thread=[0-9]+)?")
"""No other option: some read files and pages (`template`), switch checks off (`verify`) or follow redirects."""


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
        if (mailbox := _MAILBOX.fullmatch(self.address)) is not None:
            return f"mailto:{mailbox[1][:1]}…@{mailbox[2]}"
        web, scheme = _WEB.fullmatch(self.address), _SCHEME.match(self.address)
        if web is not None:
            return f"{self.address.partition(':')[0]}://{web[1]}/…"
        return f"{scheme[1]}://…" if scheme else "…"


def kind_of(address: str) -> ChannelKind:
    """Raises ValueError: what is wrong with the address, never the address."""
    if len(address) > ADDRESS_CHARS_MAX:
        raise ValueError(f"address: longer than {ADDRESS_CHARS_MAX:,} characters")
    if not address.isprintable() or " " in address:
        raise ValueError("address: it holds a space or a character that nobody can see")
    scheme = found[1] if (found := _SCHEME.match(address)) else ""
    if scheme in ("http", "https"):
        return _webhook(address)
    if scheme == "mailto":
        if _MAILBOX.fullmatch(address) is None:
            raise ValueError("address: write it as mailto:name@example.com, without anything behind")
        return ChannelKind.MAIL
    if scheme not in CHATS:
        raise ValueError(f"address: it must begin with one of {', '.join(('https', 'mailto', *sorted(CHATS)))}")
    if _CHAT.fullmatch(address) is None:
        raise ValueError("address: options are not allowed in it, but for ?thread=NUMBER")
    return ChannelKind.CHAT


def _webhook(address: str) -> ChannelKind:
    web = _WEB.fullmatch(address)
    if web is None:
        raise ValueError("address: it names no host, or something stands after a #, which is never sent")
    if "@" in web[1]:
        raise ValueError("address: it carries a user name or a password; the signature is what proves us")
    if _HOST.fullmatch(web[1]) is None:
        raise ValueError("address: its host or port is none")
    return ChannelKind.WEBHOOK
