"""The composition root of the processor."""

from __future__ import annotations

from pathlib import Path

from newstide.bus.connect import connect_ready
from newstide.consume.loop import ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.errors import UsageError
from newstide.scoring.connect import connect as connect_scorer
from newstide.scoring.port import Scorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.store.connect import connect as connect_store
from newstide.store.streams import Stream
from processor.handler import ScoreStories
from processor.master import Following
from processor.reading import Reader
from processor.shadow import Shadow


def run_processor(settings: Settings, service: Service, *, drain: bool = False, candidate: Path | None = None) -> None:
    """Until stopped, or with `drain` until everything in the log is read; `candidate` is the folder of an artifact
    that scores in the shadow. Raises before the first poll when a model, the bus or the store cannot be used."""
    scorer = connect_scorer(settings)
    shadow = _shadow(settings, service, scorer, candidate) if candidate else None
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
        reading = Following(Reader(scorer, settings.model.token_budget), database, service)
        handler = ScoreStories(settings, reading, producer, database, service, shadow)
        ConsumeLoop(config, bus, database, handler, service).run()
    finally:
        producer.close()
        database.close()


def _shadow(settings: Settings, service: Service, active: Scorer, candidate: Path) -> Shadow:
    model = settings.model.model_copy(update={"artifact": str(candidate)})
    scorer = connect_scorer(settings.model_copy(update={"model": model}))
    if scorer.version == active.version:
        raise UsageError(f"{scorer.version} is in use already", why="a shadow is another version, beside it")
    service.log.info("shadow_loaded", model=scorer.version)
    return Shadow(scorer, settings.model.token_budget, service)
