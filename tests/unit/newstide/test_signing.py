"""Signatures: the standard's own example, and everything that is none."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.signing import SIGNATURES_MAX, secret_of, sign, verify

SECRET = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
OTHER = secret_of("whsec_" + base64.b64encode(bytes(range(32))).decode())
AT = datetime.fromtimestamp(1_614_265_330, UTC)
BODY = b'{"test": 2432232314}'
HEADERS = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def test_the_example_of_the_standard() -> None:
    assert sign([SECRET], HEADERS[0], AT, BODY) == HEADERS[2]
    assert verify([SECRET], HEADERS, BODY, AT)


def test_a_rotation_takes_both_secrets() -> None:
    both = sign([OTHER, SECRET], HEADERS[0], AT, BODY)
    assert verify([SECRET], (*HEADERS[:2], both), BODY, AT)
    assert verify([OTHER, SECRET], HEADERS, BODY, AT)
    assert not verify([OTHER], HEADERS, BODY, AT)


@pytest.mark.parametrize("seconds, fresh", [(300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes_are_the_limit(seconds: int, fresh: bool) -> None:
    assert verify([SECRET], HEADERS, BODY, AT + timedelta(seconds=seconds)) is fresh


@pytest.mark.parametrize(
    "headers",
    [
        ("", *HEADERS[1:]),
        ("other", *HEADERS[1:]),
        ("msg\n1", *HEADERS[1:]),
        (HEADERS[0], "", HEADERS[2]),
        (HEADERS[0], "1614265331", HEADERS[2]),
        (HEADERS[0], "-1", HEADERS[2]),
        (HEADERS[0], "٣" * 10, HEADERS[2]),
        (HEADERS[0], "9" * 400, HEADERS[2]),
        (*HEADERS[:2], ""),
        (*HEADERS[:2], HEADERS[2].removeprefix("v1,")),
        (*HEADERS[:2], HEADERS[2].replace("v1", "v2")),
        (*HEADERS[:2], "v1,not base64 at all"),
        (*HEADERS[:2], "v1,\udcff"),
        (*HEADERS[:2], " ".join([HEADERS[2]] * (SIGNATURES_MAX + 1))),
    ],
)
def test_what_is_no_signature(headers: tuple[str, str, str]) -> None:
    assert not verify([SECRET], headers, BODY, AT)


def test_a_double_space_changes_nothing() -> None:
    assert verify([SECRET], (*HEADERS[:2], f"v1,x  {HEADERS[2]}"), BODY, AT)


@given(st.text(), st.text(), st.text(), st.binary())
def test_whatever_is_sent_nothing_is_raised_and_nothing_accepted(a: str, b: str, c: str, body: bytes) -> None:
    assert not verify([SECRET], (a, b, c), body, AT)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_changed_byte_is_enough(place: int, by: int) -> None:
    changed = BODY[:place] + bytes([BODY[place] ^ by]) + BODY[place + 1 :]
    assert not verify([SECRET], HEADERS, changed, AT)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_****", "whsec_YWJj", "whsec_" + "A" * 200, "é"])
def test_what_is_no_secret_is_told_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="a signing secret") as caught:
        secret_of(text)
    assert len(text) < 8 or text.removeprefix("whsec_") not in str(caught.value)
