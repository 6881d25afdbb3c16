"""The secrets of the senders: from the settings, or from files that are read anew when they change."""

from __future__ import annotations

import os
import secrets as system
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from newstide.errors import SettingsInvalid
from newstide.files import require_private
from newstide.sections import SECRETS_MAX, PushSourceSettings
from newstide.signing import PREFIX, secret_of, verify

FILE_BYTES_MAX: Final = 4_096
"""SECRETS_MAX secrets, and comments."""
SECRET_BYTES: Final = 32
"""Of a new secret: as many as its HMAC has."""

Stamp = tuple[int, int, int]


class Keys:
    """Whose signature it is. Every answer costs SECRETS_MAX comparisons, whether the sender is known, has one secret or
    several: the places that are left hold keys that nobody knows."""

    def __init__(self, senders: Sequence[PushSourceSettings]) -> None:
        """Raises SettingsInvalid for a file that is not there, is open to others, or holds no secrets."""
        self._nobody = tuple(system.token_bytes(SECRET_BYTES) for _ in range(SECRETS_MAX))
        self._senders = {sender.name: sender for sender in senders}
        self._stamps = {sender.name: _stamp(sender) for sender in senders}
        self._keys = {sender.name: self._padded(sender) for sender in senders}

    def verify(self, source: str, headers: tuple[str, str, str], body: bytes, now: datetime) -> bool:
        return verify(self._keys.get(source, self._nobody), headers, body, now)

    def refresh(self) -> dict[str, SettingsInvalid | None]:
        """Read the files that changed; says of each whether it can be used. One that cannot leaves the old secrets."""
        told: dict[str, SettingsInvalid | None] = {}
        for name, sender in self._senders.items():
            stamp = _stamp(sender)
            if stamp == self._stamps[name]:
                continue
            self._stamps[name] = stamp
            try:
                self._keys[name] = self._padded(sender)
                told[name] = None
            except SettingsInvalid as error:
                told[name] = error
        return told

    def _padded(self, sender: PushSourceSettings) -> tuple[bytes, ...]:
        texts = [secret.get_secret_value() for secret in sender.secrets]
        if sender.secrets_file:
            texts += secrets_in(Path(sender.secrets_file))
        if len(texts) > SECRETS_MAX:
            why = f"{len(texts)} are given"
            raise SettingsInvalid(f"the sender {sender.name} has more than {SECRETS_MAX} secrets", why=why)
        return (*map(secret_of, texts), *self._nobody[len(texts) :])


def secrets_in(path: Path) -> list[str]:
    """The secrets of a file, one a line; `#` begins a comment. Raises SettingsInvalid, which never repeats a line."""
    require_private(path)
    try:
        text = path.read_bytes()[:FILE_BYTES_MAX].decode("ascii")
    except OSError as error:
        raise SettingsInvalid(f"the secrets in {path} cannot be read", why=error.strerror or "") from error
    except UnicodeError as error:
        raise SettingsInvalid(f"{path} holds no secrets", why="it is no plain text") from error
    found = [line.partition("#")[0].strip() for line in text.splitlines()]
    for number, line in enumerate(found, start=1):
        try:
            if line:
                secret_of(line)
        except ValueError as error:
            raise SettingsInvalid(f"{path}, line {number}: {error}", fix="newstide ingest push-secret new") from error
    if not any(found):
        raise SettingsInvalid(f"{path} holds no secret", fix=f"newstide ingest push-secret new --file {path}")
    return [line for line in found if line]


def new_secret() -> str:
    return PREFIX + b64encode(system.token_bytes(SECRET_BYTES)).decode("ascii")


def add_secret(path: Path) -> str:
    """A new secret as the first line of a file that only its owner can read; returns it. Raises SettingsInvalid."""
    secret = new_secret()
    try:
        old = path.read_text("ascii") if path.exists() else ""
        beside = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{secret}\n{old}")
        beside.replace(path)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no plain text"
        raise SettingsInvalid(f"the secret cannot be written to {path}", why=why) from error
    return secret


def _stamp(sender: PushSourceSettings) -> Stamp | None:
    try:
        found = os.stat(sender.secrets_file) if sender.secrets_file else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
