"""Which addresses a channel may have, and how much of one is ever shown."""

import pytest

from newstide.alerting.channel import CHATS, Channel, ChannelKind, kind_of

FINE = [
    ("https://example.com/hook?key=s3cret", ChannelKind.WEBHOOK, "https://example.com/…"),
    ("https://[2001:db8::1]:8443/x", ChannelKind.WEBHOOK, "https://[2001:db8::1]:8443/…"),
    ("http://localhost", ChannelKind.WEBHOOK, "http://localhost/…"),
    ("mailto:ann.smith+news@example.com", ChannelKind.MAIL, "mailto:a…@example.com"),
    ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#news", ChannelKind.CHAT, "slack://…"),
    ("tgram://123456789:abcdefg_hijklmnop/12315544?thread=7", ChannelKind.CHAT, "tgram://…"),
    ("dingtalk://secret@token", ChannelKind.CHAT, "dingtalk://…"),
]


@pytest.mark.parametrize(("address", "kind", "shown"), FINE)
def test_an_address_has_a_kind_and_is_shown_without_its_secrets(address: str, kind: ChannelKind, shown: str) -> None:
    assert kind_of(address) is kind
    channel = Channel("ann", "x", kind, address, "whsec_planted")
    assert channel.shown == shown
    assert address not in repr(channel) and "planted" not in repr(channel)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "gopher://example.com",
        "javascript:alert(1)",
        "json://example.com",
        "xml://example.com",
        "mailtos://user:pass@example.com",
        "mqtt://example.com",
        "syslog://",
        "windows://",
        "exec://x",
        "apprise://example.com/token",
        "SLACK://T/A/B",
        "https://",
        "https:///path",
        "https://user:pw@example.com/",
        "https://example.com@10.0.0.1/",
        "https://example.com/#fragment",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: inner",
        "https://example.com:port/",
        "https://example.com\\@10.0.0.1/",
        "https://ex\u202eample.com/",
        "https://" + "a" * 2_000,
        "mailto:ann@example.com?cc=bo@example.com",
        "mailto:ann@example.com,bo@example.com",
        "mailto:ann@example.com\nBcc: bo@example.com",
        "mailto:<ann@example.com>",
        "mailto:ann@localhost",
        "slack://T/A/B/?template=/etc/passwd",
        "slack://T/A/B/?verify=no",
        "tgram://1:a/2?image=yes",
        "tgram://1:a/2?thread=7&redirect=yes",
        "workflows://10.0.0.1/a/b/?template=http://10.0.0.1/",
    ],
)
def test_any_other_address_is_refused_by_field_and_not_repeated(address: str) -> None:
    with pytest.raises(ValueError, match=r"^address: ") as raised:
        kind_of(address)
    assert len(address) < 12 or address not in str(raised.value)


def test_the_channels_that_are_wanted_are_allowed() -> None:
    assert {"slack", "workflows", "tgram", "feishu", "dingtalk", "wecombot"} <= CHATS
