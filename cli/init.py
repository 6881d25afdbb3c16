"""`newstide init`: a settings file to begin with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.output import say
from newstide.errors import UsageError
from newstide.settings import DEFAULT_FILE


class Profile(StrEnum):
    EMBEDDED = "embedded"
    KAFKA = "kafka"


_EMBEDDED = """\
# newstide, embedded: the bus and the store are two SQLite files under data_dir. `newstide config show` lists all
# settings; any of them can also come from the environment: bus.kind is NEWSTIDE_BUS__KIND.

data_dir = "var"
"""

_KAFKA = """\
# newstide on Kafka and PostgreSQL. `newstide config show` lists all settings; any of them can also come from the
# environment: store.url is NEWSTIDE_STORE__URL, and that is where a password belongs.

[bus]
kind = "kafka"
bootstrap = "localhost:9092"
partitions = 6

[store]
url = "postgresql+psycopg://newstide@localhost:5432/newstide"
"""

_REST = """
[ingest]
# Publishers want to know who asks: name yourself and an address.
user_agent = "newstide/0.1 (you@example.com)"

# The sources themselves are not settings: `newstide sources add URL`, or `newstide sources starter --enable`.

[dashboard]
port = 8501
"""


def init(
    profile: Annotated[Profile, typer.Option(help="What to stand on.")] = Profile.EMBEDDED,
    file: Annotated[Path, typer.Option(help="Where to write it.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented settings file. Asks nothing."""
    content = (_EMBEDDED if profile is Profile.EMBEDDED else _KAFKA) + _REST
    try:
        with file.open("w" if force else "x", encoding="utf-8") as handle:
            handle.write(content)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already", fix="--force overwrites it") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written", why=error.strerror or str(error)) from error
    say(f"wrote {file}; next: newstide doctor")
