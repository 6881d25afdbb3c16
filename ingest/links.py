"""Addresses of stories: one spelling, no trackers, nothing but the web. Pure."""

from __future__ import annotations

import re
from typing import Final

URL_CHARS_MAX: Final = 2_000
"""Longer than any address that a browser or a server takes."""

# Browsers drop these inside an address, so "java\tscript:" is a script to them.
_DROPPED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_WEB: Final = re.compile(r"(https?)://([^/?#\\]*)(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:\[[0-9a-f:.]+\]|[^\s:@\[\]<>\"'%]+)(?::(\d{1,5}))?", re.IGNORECASE)
# Not allowed as they stand in an address, and dangerous where one is pasted into markup.
_UNSAFE: Final = re.compile(r"[\"'<>\\^`{|}]|[^\x21-\x7e]")
_ESCAPE: Final = re.compile(r"%[0-9a-fA-F]{2}")
_TRACKER: Final = re.compile(
    r"(?:utm_\w+|_ga|_gl|_hs\w+|_openstat|at_\w+|cmp|cmpid|dclid|fbclid|gbraid|gclid|gclsrc|guce_\w+|guccounter|igshid|"
    r"ito|mc_cid|mc_eid|mkt_tok|msclkid|mtm_\w+|ncid|ocid|oly_\w+|pk_\w+|ref_src|s_cid|scm|smid|soc_src|soc_trk|spm|"
    r"srnd|taid|twclid|vero_\w+|wbraid|wt\.mc_id|xtor|yclid)\Z",
    re.IGNORECASE,
)
_ASCII_NAME: Final = re.compile(r"[a-z0-9._-]+")
_DEFAULT_PORT: Final = {"http": "80", "https": "443"}


def canonical_url(raw: str) -> str:
    """`raw` without trackers, fragment and default port, scheme and host in lower case and ASCII, one way of escaping;
    empty when it is no web address.

    Idempotent. An address with a user name or password in it is refused: it is there to deceive.
    """
    if len(raw) > 2 * URL_CHARS_MAX:
        return ""
    url = "".join(c for c in _DROPPED.sub("", raw) if c.isprintable())
    parts = _WEB.fullmatch(url)
    if parts is None:
        return ""
    scheme, authority, path, query = parts[1].lower(), parts[2].lower(), parts[3] or "/", parts[4] or ""
    host = _HOST.fullmatch(authority)
    if host is None:
        return ""
    if host[1] is not None and host[1].lstrip("0") == _DEFAULT_PORT[scheme]:
        authority = authority.rpartition(":")[0]
    authority = _ascii_host(authority.rstrip("."))
    kept = "&".join(pair for pair in query.split("&") if pair and not _TRACKER.match(pair.partition("=")[0]))
    tail = _UNSAFE.sub(_escaped, path + (f"?{kept}" if kept else ""))
    tail = _ESCAPE.sub(lambda found: found.group().upper(), tail)
    whole = f"{scheme}://{authority}{tail}"
    return whole if authority and len(whole) <= URL_CHARS_MAX else ""


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "replace"))


def _ascii_host(authority: str) -> str:
    """The host as it is asked for, with its port; empty where it can be no name."""
    if authority.startswith("["):
        return authority
    host, colon, port = authority.partition(":")
    if host.isascii():
        return authority if _ASCII_NAME.fullmatch(host) else ""
    try:
        name = host.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        return ""
    return name + colon + port if _ASCII_NAME.fullmatch(name) else ""


def identity_of(raw_id: str) -> str:
    """What two spellings of one publisher's id share: for a web address the canonical one without its scheme."""
    name = raw_id.strip()
    canonical = canonical_url(name) if name[:4].lower() == "http" else ""
    return canonical.partition(":")[2] if canonical else name
