"""The composition root of the processor."""

from __future__ import annotations

from newstide.bus.connect import connect_ready
from newstide.consume.loop import ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.scoring.connect import connect as connect_scorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.store.connect import connect as connect_store
from newstide.store.streams import Stream
from processor.handler import ScoreStories


def run_processor(settings: Settings, service: Service, *, drain: bool = False) -> None:
    """Until stopped, or with `drain` until everything in the log is read. Raises before the first poll when the
    model, the bus or the store cannot be used."""
    scorer = connect_scorer(settings)
    database = connect_store(settings)
    bus = connect_ready(settings)
    producer = bus.producer()
    config = LoopConfig(
        stream=Stream(settings.processor.group, settings.bus.topic_raw),
        stories_max=settings.processor.batch_stories,
        budget=RejectBudget(settings.processor.reject_ratio_max, settings.processor.reject_run_max),
        rewind_on_history_change=settings.bus.on_history_change == "rewind",
        drain=drain,
    )
    service.log.info("model_loaded", model=scorer.version, bus=settings.bus.kind, store=database.name)
    try:
        ConsumeLoop(config, bus, database, ScoreStories(settings, scorer, producer, service), service).run()
    finally:
        producer.close()
        database.close()
