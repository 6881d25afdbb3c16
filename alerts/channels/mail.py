"""Mail, handed to the relay that the settings name. A person chooses a mailbox, never a host."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from alerts.channels.port import Parcel
from newstide.alerting.channel import Channel
from newstide.alerting.retrying import Attempt, shown
from newstide.errors import SettingsInvalid, UsageError

MAIL_S: Final = 15.0
"""A whole conversation with the relay."""
LOOK_S: Final = 0.25
PORTS: Final = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
"""TLS from the first byte; TLS by STARTTLS, without which nothing is sent; none, for a relay on this host."""
_NO_SUCH_MAILBOX: Final = frozenset({550, 551, 553})


@dataclass(frozen=True, slots=True)
class Relay:
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Relay:
        """Raises SettingsInvalid; the address is not repeated, for it holds a password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in PORTS or not parts.hostname:
            fix = "smtps://user:password@host, smtp:// for STARTTLS, smtp+plain:// for a relay on this host"
            raise SettingsInvalid("setting delivery.smtp_url is no mail relay", fix=fix)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password)


class Mails:
    rest_s = 0.0

    def __init__(self, relay: Relay | None, sender: str) -> None:
        self._relay, self._sender = relay, sender

    def check(self, channel: Channel) -> None:
        if self._relay is None:
            what = "address: no mail can be sent from here"
            raise UsageError(what, why="delivery.smtp_url is empty", fix="set NEWSTIDE_DELIVERY__SMTP_URL")

    def carry(self, channel: Channel, parcel: Parcel, cancelled: Callable[[], bool]) -> Attempt:
        if self._relay is None:
            return Attempt(False, detail="delivery.smtp_url is empty")
        try:
            letter = written(parcel, self._sender, channel.address.removeprefix("mailto:"))
            with _connected(self._relay, cancelled) as relay:
                relay.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            status, words = next(iter(error.recipients.values()))
            return Attempt(False, status, _words(words), gone=status in _NO_SUCH_MAILBOX)
        except smtplib.SMTPResponseException as error:
            return Attempt(False, error.smtp_code, _words(error.smtp_error))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Attempt(False, detail=f"the relay did not take it ({type(error).__name__})", cancelled=cancelled())
        return Attempt(True, 250)


def written(parcel: Parcel, sender: str, to: str) -> EmailMessage:
    """The mail of a parcel. Raises ValueError for a header that would become two."""
    letter = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    letter["From"], letter["To"], letter["Subject"] = f"newstide <{sender}>", to, parcel.message.title
    letter["Date"] = parcel.at
    letter["Message-ID"] = f"<{parcel.delivery_id}@{domain}>"
    if parcel.answers_id:
        letter["In-Reply-To"] = letter["References"] = f"<{parcel.answers_id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice is to answer it
    letter.set_content(parcel.message.text)
    letter.add_alternative(parcel.message.html, subtype="html")
    return letter


@contextmanager
def _connected(relay: Relay, cancelled: Callable[[], bool]) -> Iterator[smtplib.SMTP]:
    """A conversation that is cut after MAIL_S, however slowly the other side speaks. Says QUIT only when all is well:
    the mail is taken by then, and an answer to QUIT changes nothing."""
    over, until_s = threading.Event(), time.monotonic() + MAIL_S
    context = ssl.create_default_context()
    if relay.scheme == "smtps":
        speaker: Any = smtplib.SMTP_SSL(timeout=MAIL_S, context=context)
    else:
        speaker = smtplib.SMTP(timeout=MAIL_S)
    speaker._host = relay.host  # whom the certificate must name; else only a constructor that connects at once says so

    def watch() -> None:
        while not over.wait(LOOK_S):
            if cancelled() or time.monotonic() > until_s:
                with suppress(OSError, AttributeError):  # AttributeError: it was closed just now
                    speaker.sock.shutdown(socket.SHUT_RDWR)
                return

    threading.Thread(target=watch, name="mail-deadline", daemon=True).start()
    try:
        speaker.connect(relay.host, relay.port)
        if relay.scheme == "smtp":
            speaker.starttls(context=context)
        if relay.user:
            speaker.login(relay.user, relay.password)
        yield speaker
        with suppress(smtplib.SMTPException, OSError):
            speaker.quit()
    finally:
        over.set()
        speaker.close()


def _words(said: bytes | str) -> str:
    return shown(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
