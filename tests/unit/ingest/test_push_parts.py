"""The parts of a push that need no socket: room, quota, secrets, messages, the whole of a dropped file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.push import keys as keys_module
from ingest.push.keys import Keys, add_secret, new_secret, secrets_in
from ingest.push.message import STORIES_MAX, Message, read
from ingest.push.protocol import Room
from ingest.push.quota import BURST_S, Quota
from ingest.watching import SETTLE_S, Look, settle
from newstide.errors import SettingsInvalid
from newstide.sections import SECRETS_MAX, PushSourceSettings
from newstide.settings import Settings, flatten, load
from newstide.signing import secret_of, sign

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


# --- the room -----------------------------------------------------------------------------------------------------


class Connection:
    def __init__(self, room: Room) -> None:
        self.room, self.ended = room, False

    def cut(self) -> None:
        self.ended = True


def entered(room: Room, count: int, now_s: float = 0.0) -> list[Any]:
    made: list[Any] = [Connection(room) for _ in range(count)]
    for connection in made:
        room.owes(connection, now_s)
        room.enter(connection)
    return made


def test_the_connection_that_owes_for_longest_makes_room() -> None:
    room = Room(connections_max=3)
    first, second, third = entered(room, 3)
    room.owes(first, 1.0)  # its request begins: the time counts anew
    room.paid(second)  # it waits for us
    (fourth,) = entered(room, 1, 2.0)
    assert [one.ended for one in (first, second, third, fourth)] == [False, False, True, False]
    assert room.connections == 3


def test_with_none_that_owes_the_new_one_goes() -> None:
    room = Room(connections_max=1)
    (first,) = entered(room, 1)
    room.paid(first)
    late: Any = Connection(room)
    room.enter(late)
    assert late.ended and not first.ended


def test_a_request_has_its_time() -> None:
    room = Room(receive_s=15.0)
    slow, quick = entered(room, 2)
    room.sweep(15.0)
    assert not slow.ended
    room.owes(quick, 10.0)
    room.sweep(15.1)
    assert slow.ended and not quick.ended


def test_bytes_are_bounded_and_the_slowest_goes() -> None:
    room = Room(bytes_max=100)
    slow, _ = entered(room, 2)
    assert room.hold(60) and not room.hold(60)
    assert slow.ended and room.held_bytes == 60
    room.release(60)
    assert room.hold(100)


# --- the quota ----------------------------------------------------------------------------------------------------


@given(st.floats(0.1, 1_000), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_no_more_than_the_quota_and_its_burst(per_second: float, gaps_s: list[float]) -> None:
    quota, now_s, taken = Quota(per_second), 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        wait_s = quota.take(now_s)
        taken += wait_s == 0
        if wait_s:
            now_s += wait_s * (1 + 1e-9) + 1e-9
            assert quota.take(now_s) == 0, "after the wait that it said there is one"
            taken += 1
    assert taken <= max(1.0, BURST_S * per_second) + per_second * now_s + 1e-6


# --- secrets ------------------------------------------------------------------------------------------------------


def sender(**given: Any) -> PushSourceSettings:
    return PushSourceSettings(**({"name": "wire"} | given))


def test_every_signature_costs_the_same_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def verify(secrets: tuple[bytes, ...], *_: object) -> bool:
        asked.append(len(secrets))
        return False

    monkeypatch.setattr(keys_module, "verify", verify)
    keys = Keys([sender(name="one", secrets=[new_secret()]), sender(name="two", secrets=[new_secret(), new_secret()])])
    for name in ("one", "two", "nobody", ""):
        keys.verify(name, ("id", "1", "v1,x"), b"", NOW)
    assert asked == [SECRETS_MAX] * 4


def test_a_file_of_secrets_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "wire.secret"
    old = add_secret(file)
    keys = Keys([sender(secrets_file=str(file))])

    def holds(secret: str) -> bool:
        headers = ("msg", str(int(NOW.timestamp())), sign([secret_of(secret)], "msg", NOW, b"x"))
        return keys.verify("wire", headers, b"x", NOW)

    assert keys.refresh() == {} and holds(old)
    new = add_secret(file)
    assert not holds(new)
    assert keys.refresh() == {"wire": None} and holds(old) and holds(new)
    file.write_text(f"{new} # the only one\n")
    assert keys.refresh() == {"wire": None} and holds(new) and not holds(old)
    file.unlink()
    (error,) = keys.refresh().values()
    assert error is not None and holds(new), "what holds does not end with a file that is gone"


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("whsec_" + "A" * 43 + "=\n", 0o644, "open to others"),
        ("whsec_" + "A" * 43 + "=\n", 0o620, "open to others"),
        ("", 0o600, "holds no secret"),
        ("# only words\n", 0o600, "holds no secret"),
        ("whsec_" + "A" * 43 + "=\nhunter2hunter2\n", 0o600, "line 2"),
        ("é", 0o600, "no plain text"),
    ],
)
def test_files_that_are_no_secrets(tmp_path: Path, content: str, mode: int, says: str) -> None:
    file = tmp_path / "secrets"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(SettingsInvalid) as caught:
        secrets_in(file)
    said = f"{caught.value} {caught.value.why} {caught.value.fix}"
    assert says in said and "hunter2" not in said and "AAAA" not in said


def test_a_fifth_secret_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    for _ in range(SECRETS_MAX):
        add_secret(file)
    with pytest.raises(SettingsInvalid, match="more than 4"):
        Keys([sender(secrets=[new_secret()], secrets_file=str(file))])
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        Keys([sender(secrets_file=str(tmp_path / "none"))])


def test_secrets_are_never_shown() -> None:
    secret = new_secret()
    made = Settings(push={"sources": [{"name": "wire", "secrets": [secret]}]})
    shown = f"{made!r} {made} {dict(flatten(made))}"
    assert secret not in shown and secret.removeprefix("whsec_")[:12] not in shown


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ('[{"name": "wire"}]', "neither secrets nor secrets_file"),
        ('[{"name": "wire", "secrets": ["whsec_c2hvcnQ="]}]', "24 to 64 bytes"),
        ('[{"name": "wire", "secrets": ["hunter2!"]}]', "whsec_ and base64"),
        ('[{"name": "a/b", "secrets_file": "x"}]', "pattern"),
        ('[{"name": "a", "secrets_file": "x"}, {"name": "a", "secrets_file": "y"}]', "two senders are called a"),
        ('[{"name": "a", "secrets_file": "x", "per_second": 0}]', "greater than 0"),
    ],
)
def test_senders_that_cannot_be(sources: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says) as caught:
        load(environment={"NEWSTIDE_PUSH__SOURCES": sources})
    assert "push.sources" in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.why}" and "c2hvcnQ" not in str(caught.value)


# --- messages and files ---------------------------------------------------------------------------------------------


@given(st.binary(max_size=300) | st.text(alphabet='[]{}",: \n0aid\\tle', max_size=200).map(str.encode))
def test_whatever_a_body_is_it_is_told_apart(body: bytes) -> None:
    found = read(Message("wire", "msg", body, NOW))
    assert found.readable or (not found.items and [reject.line for reject in found.rejects] == [-1])
    assert len(found.items) + len(found.rejects) <= STORIES_MAX
    assert all(reject.detail.isprintable() for reject in found.rejects)
    assert found == read(Message("wire", "msg", body, NOW))


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=3), max_size=8))
def test_a_file_is_whole_when_nothing_changed_for_so_long(steps: list[list[tuple[str, int]]]) -> None:
    seen: dict[str, Any] = {}
    history: list[dict[str, Look]] = []
    for number, step in enumerate(steps):
        looks = {name: Look(name, size, 0) for name, size in step}
        history.append(looks)
        seen, whole = settle(seen, looks.values(), number * SETTLE_S)
        same = {n for n, look in looks.items() if number and history[number - 1].get(n) == look}
        assert [look.name for look in whole] == sorted(same)


def test_new_secrets_differ_and_are_long_enough() -> None:
    made = {new_secret() for _ in range(10)}
    assert len(made) == 10 and {len(secret_of(secret)) for secret in made} == {32}
