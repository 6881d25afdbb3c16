"""The fuzz targets, each for a moment: arbitrary bytes, and real ones with pieces cut out, doubled and overwritten."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    body = bytearray(draw(st.sampled_from(seeds(name))))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 64)))
        piece = draw(st.sampled_from([b"", bytes(body[start:end]) * 2, b"\x00", b"\xff\xfe", b"<", b"&#", b"]]>"]))
        body[start:end] = draw(st.binary(max_size=6)) or piece
    return bytes(body)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_survived(name: str) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(mutated(name), st.binary(max_size=400)))
    @example(b"")
    def survived(data: bytes) -> None:
        TARGETS[name](data)

    survived()


def test_a_target_can_fail() -> None:
    from newstide import signing
    from tests.fuzz.targets import KEY, NOW

    body = b"{}"
    head = f"m-1\n{int(NOW.timestamp())}\n{signing.sign([KEY], 'm-1', NOW, body)}"
    with pytest.raises(AssertionError):
        TARGETS["signature"](head.encode() + b"\n\n" + body)
