"""Every error of newstide, in one tree. The class says what the caller can do.

    NewstideError                 what, why, how to fix it, and the exit code of a command that ends with it
    ├── UsageError                the user asked for something that cannot be                  exit 2
    ├── SettingsInvalid           a setting is unknown or wrong: stop before anything starts   exit 2
    ├── PortInUse                 something else listens there                                 exit 1
    ├── AlreadyRunning            the same program is at work in the same folder               exit 1
    ├── ChildFailed               a program that we started ended, or never answered           exit 1
    ├── Retryable                 a dependency is away: wait and try the same work again       exit 3
    │   ├── BusUnavailable
    │   ├── StoreUnavailable
    │   └── SourceUnavailable
    ├── StoreRefused              the database will not have this data: set it aside           exit 1
    ├── Fenced                    another owner is ahead: drop the work in hand and let go     exit 1
    ├── StandDown                 another process does this work: leave it, and stand by               exit 1
    ├── MustStop                  going on could lose or invent data: stop, a person decides   exit 1
    │   ├── HistoryChanged
    │   ├── SchemaMismatch
    │   ├── FileDamaged                                                                   exit 4
    │   └── TooManyRejects
    ├── TopicMissing              the topic was never made                                     exit 3
    ├── DeviceUnavailable         the named device is not there                                exit 3
    ├── ModelInvalid              an artifact that must not be loaded                          exit 4
    └── DataInvalid               input that as a whole cannot be used                         exit 4

A single bad record is not an error but a value: `newstide.messages.Reject`. Foreign exceptions are translated once,
in the adapter that meets them, with `raise ... from`.
"""

from __future__ import annotations

from typing import ClassVar


class NewstideError(Exception):
    """What happened, why, and what to do; a command prints these three and exits with `exit_code`."""

    code: ClassVar[str] = "NT-X01"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


class UsageError(NewstideError):
    code, exit_code = "NT-U01", 2


class SettingsInvalid(NewstideError):
    code, exit_code = "NT-C01", 2


class PortInUse(NewstideError):
    code = "NT-P01"


class AlreadyRunning(NewstideError):
    code = "NT-P03"


class ChildFailed(NewstideError):
    """A program that we started ended, or never answered; `why` is the last that it said."""

    code = "NT-P02"


class Retryable(NewstideError):
    """A dependency is away; the same work may succeed later."""

    code, exit_code = "NT-R01", 3


class BusUnavailable(Retryable):
    code = "NT-K01"


class StoreUnavailable(Retryable):
    code = "NT-D01"


class SourceUnavailable(Retryable):
    """A source did not answer with news. `retry_after_s` is what it asked for, where it did."""

    code = "NT-S01"

    def __init__(self, what: str, *, why: str = "", fix: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(what, why=why, fix=fix)
        self.retry_after_s = retry_after_s


class StoreRefused(NewstideError):
    """The database took the connection but not the data: the same data will be refused again."""

    code = "NT-D03"


class Fenced(NewstideError):
    """This owner's position is stale: somebody else has moved on. Nothing of the work in hand may be kept."""

    code = "NT-K02"


class StandDown(NewstideError):
    """Another process has taken this work over as a whole."""

    code = "NT-K05"


class MustStop(NewstideError):
    """Going on could lose or invent data."""

    code = "NT-X02"


class HistoryChanged(MustStop):
    code = "NT-K03"


class SchemaMismatch(MustStop):
    code, exit_code = "NT-D02", 3


class FileDamaged(MustStop):
    """A SQLite file that is none, or no longer whole."""

    code, exit_code = "NT-D04", 4


class TooManyRejects(MustStop):
    code = "NT-X03"


class TopicMissing(NewstideError):
    code, exit_code = "NT-K04", 3


class DeviceUnavailable(NewstideError):
    code, exit_code = "NT-M03", 3


class ModelInvalid(NewstideError):
    code, exit_code = "NT-M01", 4


class DataInvalid(NewstideError):
    code, exit_code = "NT-M02", 4
