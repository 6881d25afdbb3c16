"""Mail to a real mail server: one id in every attempt, threads, and mailboxes that are not there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from alerts.channels.mail import Mails, Relay
from newstide.alerting.channel import ChannelKind
from newstide.alerting.firing import Kind
from newstide.errors import SettingsInvalid
from newstide.store import people
from tests.firings import firing
from tests.integration.delivering import Scene
from tests.receivers import mailbox


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.database.close()


def test_mail_has_one_id_in_every_attempt_and_answers_what_it_answers(scene: Scene) -> None:
    with mailbox() as box:
        box.answers = ["451 later", "250"]
        scene.carriers = {ChannelKind.MAIL: Mails(Relay.of(f"smtp+plain://127.0.0.1:{box.port}"), "news@example.com")}
        scene.person("ann", "mailto:ann@example.com")
        hostile = "Acme\r\nBcc: everyone@example.com <b>"
        scene.fire(firing(subject_name=hostile))
        scene.send()
        assert box.letters == [] and scene.states() == ["pending"]
        scene.send(7)
        scene.fire(firing(Kind.CORRECTED, subject_name=hostile, note="withdrawn"))
        scene.send()
    first, second = box.letters
    (told, _corrected) = scene.column("SELECT delivery_id FROM deliveries ORDER BY created_at")
    assert first["Message-ID"] == f"<{told}@example.com>"
    assert second["In-Reply-To"] == first["Message-ID"]
    assert first["To"] == "ann@example.com" and first["Bcc"] is None
    assert [part.get_content_type() for part in first.walk()][1:] == ["text/plain", "text/html"]


def test_a_mailbox_that_is_not_there_is_not_written_to_again(scene: Scene) -> None:
    with mailbox() as box:
        box.answers = ["550 5.1.1 no such user"]
        scene.carriers = {ChannelKind.MAIL: Mails(Relay.of(f"smtp+plain://127.0.0.1:{box.port}"), "news@example.com")}
        scene.person("ann", "mailto:ann@example.com")
        scene.fire(firing())
        scene.send()
    assert scene.states() == ["disabled"]
    assert people.channels_of(scene.database, "ann")[0].disabled_why == "5.1.1 no such user"


def test_a_relay_that_is_away_is_tried_again(scene: Scene) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scene.carriers = {ChannelKind.MAIL: Mails(Relay.of(f"smtp+plain://127.0.0.1:{port}"), "news@example.com")}
    scene.person("ann", "mailto:ann@example.com")
    scene.fire(firing())
    scene.send()
    assert scene.states() == ["pending"]


def test_a_relay_that_speaks_for_ever_is_cut_off(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It greets a byte at a time: no single wait is long, all of them together are."""
    monkeypatch.setattr("alerts.channels.mail.MAIL_S", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        scene.carriers = {ChannelKind.MAIL: Mails(Relay.of(f"smtp+plain://127.0.0.1:{port}"), "news@example.com")}
        scene.person("ann", "mailto:ann@example.com")
        scene.fire(firing())
        over = threading.Event()

        def drip() -> None:
            speaker, _address = server.accept()
            with speaker, suppress(OSError):
                while not over.wait(0.2):
                    speaker.sendall(b"2")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        scene.send()
        over.set()
        thread.join(10)
    assert scene.states() == ["pending"]


@pytest.mark.parametrize("url", ["http://example.com", "smtp://", "smtp://host:port", "nothing", "smtps://u:planted@"])
def test_a_relay_that_cannot_be_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="delivery.smtp_url") as raised:
        Relay.of(url)
    assert "planted" not in f"{raised.value}{raised.value.why}"
