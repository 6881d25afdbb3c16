"""What every bus promises, on the embedded log and on a real Kafka broker."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from newstide.bus import embedded
from newstide.bus.port import Bounds, OffsetOutOfRange, Outgoing, Record
from newstide.errors import BusUnavailable, StoreUnavailable, TopicMissing
from tests.contract.buses import Embedded, Ground, Hands, Kafka, from_start, read, turn_until


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def ground(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    if request.param == "kafka":
        return Kafka(request.getfixturevalue("broker"))
    monkeypatch.setattr(embedded, "MEMBER_TIMEOUT_S", 3.0)
    return Embedded(tmp_path)


@pytest.fixture
def hands(ground: Ground) -> Iterator[Hands]:
    with ExitStack() as stack:
        yield Hands(ground, stack)


def test_order_is_kept_in_each_partition(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(3)
    sent = [Outgoing(n % 3, f"key {n}".encode(), f"value {n}".encode()) for n in range(60)]
    hands.producer.publish(topic, sent[:30])
    hands.producer.publish(topic, sent[30:])
    records = read(hands.consumer(topic), 60)
    for partition in range(3):
        mine = [(r.key, r.value) for r in records if r.partition == partition]
        assert mine == [(o.key, o.value) for o in sent if o.partition == partition]
        assert [r.offset for r in records if r.partition == partition] == list(range(20))
    assert all(abs(r.timestamp_ms / 1000 - time.time()) < 120 for r in records)


def test_publish_returns_when_it_is_written(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(2)
    hands.publish(topic, b"a", b"b", b"c", partition=1)
    with closing(ground.bus.admin()) as admin:
        assert admin.describe_topic(topic).bounds == {0: Bounds(0, 0), 1: Bounds(0, 3)}


def test_publish_nothing(ground: Ground, hands: Hands) -> None:
    hands.producer.publish(ground.topic(), [])


def test_a_producer_knows_the_partitions(ground: Ground, hands: Hands) -> None:
    assert hands.producer.partitions(ground.topic(4)) == 4


def test_topics_are_made_once(ground: Ground) -> None:
    with closing(ground.bus.admin()) as admin:
        name = f"made-{time.monotonic_ns()}"
        assert admin.create_topic(name, 2) is True
        assert admin.create_topic(name, 5) is False
        assert admin.describe_topic(name).partitions == 2


def test_seek_reads_again(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    hands.publish(topic, *(b"%d" % n for n in range(10)))
    consumer = hands.consumer(topic)
    read(consumer, 10)
    consumer.seek(0, 7)
    assert [r.offset for r in read(consumer, 3)] == [7, 8, 9]
    consumer.seek(1, 0)  # not ours: without effect
    assert consumer.poll(0.1, 10) == []


def test_a_poll_keeps_to_its_limit(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(2)
    hands.publish(topic, *(b"x" for _ in range(20)), partition=0)
    hands.publish(topic, *(b"x" for _ in range(20)), partition=1)
    consumer = hands.consumer(topic)
    turn_until(consumer.ready, consumer)
    consumer.seek(0, 0)
    consumer.seek(1, 0)
    assert 0 < len(consumer.poll(1.0, 7)) <= 7


def test_an_empty_poll_ends_in_time(ground: Ground, hands: Hands) -> None:
    consumer = hands.consumer(ground.topic())
    turn_until(consumer.ready, consumer)
    started_s = time.monotonic()
    assert consumer.poll(0.2, 10) == []
    assert time.monotonic() - started_s < 5


def test_bounds_and_what_is_no_longer_there(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    hands.publish(topic, *(b"x" for _ in range(10)))
    consumer = hands.consumer(topic)
    read(consumer, 10)
    ground.forget(topic, before=4)
    assert consumer.bounds([0]) == {0: Bounds(4, 10)}
    for gone in (2, 11):
        consumer.seek(0, gone)
        with pytest.raises(OffsetOutOfRange) as raised:
            read(consumer, 1)
        assert (raised.value.partition, raised.value.offset) == (0, gone)
    consumer.seek(0, 4)
    assert [r.offset for r in read(consumer, 6)] == [4, 5, 6, 7, 8, 9]


def test_identity_tells_a_topic_from_its_successor(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    with closing(ground.bus.admin()) as admin:
        before = admin.describe_topic(topic).identity
        assert hands.consumer(topic).identity() == before == admin.describe_topic(topic).identity
        ground.recreate(topic)
        after = admin.describe_topic(topic).identity
        assert (after.cluster_id, after.topic_id != before.topic_id) == (before.cluster_id, True)


def test_a_connected_consumer_sees_the_successor(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    consumer = hands.consumer(topic)
    turn_until(consumer.ready, consumer)
    before = consumer.identity()
    ground.recreate(topic)
    assert consumer.identity() != before


def test_positions_are_respected(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(3)
    for partition in range(3):
        hands.publish(topic, *(b"%d" % n for n in range(5)), partition=partition)
    asked: list[list[int]] = []

    def positions(partitions: Iterable[int]) -> Mapping[int, int]:
        asked.append(sorted(partitions))
        return {p: offset for p, offset in {0: 3, 1: 5}.items() if p in asked[-1]}

    records = read(hands.consumer(topic, positions=positions), 7)
    assert sorted((r.partition, r.offset) for r in records) == [(0, 3), (0, 4), *((2, n) for n in range(5))]
    assert asked[-1] == [0, 1, 2]


def test_what_positions_raises_reaches_the_caller(ground: Ground, hands: Hands) -> None:
    def positions(_partitions: Iterable[int]) -> Mapping[int, int]:
        raise StoreUnavailable("the database does not answer")

    consumer = hands.consumer(ground.topic(), positions=positions)
    with pytest.raises(StoreUnavailable):
        turn_until(lambda: False, consumer)


def test_no_topic(ground: Ground, hands: Hands) -> None:
    started_s = time.monotonic()
    with closing(ground.bus.admin()) as admin, pytest.raises(TopicMissing):
        admin.describe_topic("nothing-here")
    with pytest.raises(TopicMissing):
        hands.consumer("nothing-here")
    with pytest.raises(TopicMissing):
        hands.producer.partitions("nothing-here")
    with pytest.raises(TopicMissing):
        hands.publish("nothing-here", b"x")
    assert time.monotonic() - started_s < 15


def test_no_bus(ground: Ground) -> None:
    bus = ground.unreachable()
    started_s = time.monotonic()
    for attempt in (bus.producer, bus.admin, lambda: bus.consumer("news", "group", "one", from_start)):
        with pytest.raises(BusUnavailable) as raised:
            attempt()
        assert raised.value.what
        assert "newstide doctor" in raised.value.fix
    assert time.monotonic() - started_s < 15


def test_keep_alive_neither_loses_nor_repeats(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(2)
    consumer = hands.consumer(topic)
    consumer.keep_alive()  # the assignment itself may arrive here
    hands.publish(topic, *(b"%d" % n for n in range(30)), partition=0)
    hands.publish(topic, *(b"%d" % n for n in range(30)), partition=1)
    records: list[Record] = []
    while len(records) < 60:
        records += read(consumer, 1)[:7]
        at = {r.partition: r.offset + 1 for r in records}
        for partition in (0, 1):
            consumer.seek(partition, at.get(partition, 0))
        consumer.keep_alive()
    for partition in (0, 1):
        assert [r.offset for r in records if r.partition == partition] == list(range(30))
    assert consumer.poll(0.5, 10) == []


def test_hint_never_raises(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    consumer = hands.consumer(topic)
    consumer.hint({0: 1})  # before any assignment
    turn_until(consumer.ready, consumer)
    consumer.hint({0: 0})
    consumer.hint({})
    consumer.hint({7: 1})
    hands.publish(topic, b"x")
    read(consumer, 1)


def test_probe_of_a_member_in_good_standing(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    consumer = hands.consumer(topic)
    turn_until(consumer.ready, consumer)
    generation = consumer.generation()
    consumer.probe({0: 0})
    hands.publish(topic, b"x")
    read(consumer, 1)
    assert consumer.generation() == generation


def test_large_records_and_empty_ones(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    large = bytes(range(256)) * 3516  # 900 kB that hardly compress below it
    hands.publish(topic, large, b"", b"\x00\xff")
    ground.write_nothing(topic)
    records = read(hands.consumer(topic), 4)
    assert [r.value for r in records] == [large, b"", b"\x00\xff", None]


def test_a_thousand_large_records_are_bounded_in_flight(ground: Ground, hands: Hands) -> None:
    topic = ground.topic()
    hands.publish(topic, *(b"%04d" % n + b"x" * 100_000 for n in range(300)))  # 30 MB, past what may be in flight
    assert [r.offset for r in read(hands.consumer(topic), 300)] == list(range(300))


def test_close_is_quick(ground: Ground, hands: Hands) -> None:
    consumer = hands.consumer(ground.topic())
    turn_until(consumer.ready, consumer)
    consumer.identity()
    started_s = time.monotonic()
    consumer.close()
    assert time.monotonic() - started_s < 3


def test_members_share_and_a_leaver_is_replaced(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(4)
    first = hands.consumer(topic, "one")
    turn_until(lambda: len(first.assignment()) == 4, first)
    generation = first.generation()
    other = ground.member(topic, "two")
    assert other.stdout is not None
    try:
        turn_until(lambda: len(first.assignment()) == 2, first)
        assert first.generation() > generation
        theirs = {int(word) for word in other.stdout.readline().split()} or {
            int(word) for word in other.stdout.readline().split()
        }
        assert first.assignment() | theirs == {0, 1, 2, 3}
    finally:
        other.kill()  # without a word, as a power cut
        other.wait()
        other.stdout.close()
    turn_until(lambda: len(first.assignment()) == 4, first)


def test_a_member_that_leaves_is_replaced_at_once(ground: Ground, hands: Hands) -> None:
    topic = ground.topic(2)
    first, second = hands.consumer(topic, "one"), hands.consumer(topic, "two")
    turn_until(lambda: len(first.assignment()) == len(second.assignment()) == 1, first, second)
    started_s = time.monotonic()
    second.close()
    turn_until(lambda: len(first.assignment()) == 2, first)
    hands.publish(topic, b"x", partition=0)
    hands.publish(topic, b"y", partition=1)
    assert {r.value for r in read(first, 2)} == {b"x", b"y"}
    print(f"left to taken over: {time.monotonic() - started_s:.1f} s")  # noqa: T201
