"""What a section of the settings is, and the section of the rollups. `newstide.settings` has the others."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class RollupSettings(Section):
    minute_days: int = Field(14, ge=1, le=36_500, description="days of rollups by the minute: charts up to a week")
    hour_days: int = Field(400, ge=70, le=36_500, description="days of rollups by the hour: a year and its baseline")
    tier_1: tuple[str, ...] = Field((), description="sources that are trusted more; the others are of tier 2")
    tier_3: tuple[str, ...] = Field((), description="sources that are trusted less")

    @field_validator("tier_3")
    @classmethod
    def _in_one_tier(cls, tier_3: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        both = sorted(set(tier_3) & set(info.data.get("tier_1", ())))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be of tier 1 as well")
        return tier_3

    @property
    def tiers(self) -> dict[str, int]:
        return dict.fromkeys(self.tier_1, 1) | dict.fromkeys(self.tier_3, 3)

    @property
    def keep(self) -> dict[int, timedelta]:
        """By the rollups' length in minutes. Those of a day are kept for ever: they are few."""
        return {1: timedelta(days=self.minute_days), 60: timedelta(days=self.hour_days)}
