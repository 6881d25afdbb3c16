"""The demo scenario: one authored market day of invented companies, in English and Chinese, and the plan to play it.

`day.jsonl` is the day, `companies.json` the cast; both are data of this package. docs/demo-scenario.md tells the plot.
"""

from ingest.scenario.day import Cast, Company, Outlet, ScenarioStory, load, load_cast
from ingest.scenario.planner import OPENS_AT, Planned, plan

__all__ = ["OPENS_AT", "Cast", "Company", "Outlet", "Planned", "ScenarioStory", "load", "load_cast", "plan"]
