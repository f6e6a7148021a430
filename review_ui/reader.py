"""Who reads the page and how: language, time zone, theme, keys and the moment of reading.

Everything on a page that depends on the reader and not on the call is said here: relative dates, ages, lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from starlette.requests import Request

from review_ui.language import Words, negotiate, words_of

LANGUAGE_COOKIE = "forbear_language"
THEME_COOKIE = "forbear_theme"
KEYS_COOKIE = "forbear_keys"
ZONE_COOKIE = "forbear_zone"
"""Set by a script to the browser's zone; without it dates are in the server's."""


class Theme(StrEnum):
    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Keys(StrEnum):
    """Which keys work on a page. A letter by itself is in the way of who speaks to the computer (WCAG 2.1.4)."""

    ALL = "all"
    NO_LETTERS = "no_letters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A time as shown, with the exact one for a hover and for machines."""

    text: str
    exact: str
    machine: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    words: Words
    theme: Theme
    zone: tzinfo
    now: datetime
    keys: Keys = Keys.ALL

    def moment(self, at: datetime) -> Moment:
        """Relative within a week ("today 10:42"), else the date; the exact time keeps its recorded offset."""
        return Moment(text=self._relative(at), exact=exact(at), machine=at.isoformat())

    def _relative(self, at: datetime) -> str:
        local = at.astimezone(self.zone)
        today = self.now.astimezone(self.zone).date()
        days = (today - local.date()).days
        clock = f"{local:%H:%M}"
        if days == 0:
            return self.words("when.today", clock=clock)
        if days == 1:
            return self.words("when.yesterday", clock=clock)
        if 1 < days < 7:
            return self.words(f"when.weekday.{local.isoweekday()}", clock=clock)
        date = f"{local:%m-%d}" if local.year == today.year else f"{local:%Y-%m-%d}"
        return f"{date} {clock}"

    def age(self, since: datetime) -> str:
        """How long ago, in the largest unit or two: "12 min", "3 h", "1 d 4 h"."""
        minutes = max(0, int((self.now - since) / timedelta(minutes=1)))
        hours, days = minutes // 60, minutes // 1440
        if hours == 0:
            return self.words("age.minutes", count=minutes)
        if days == 0:
            return self.words("age.hours", count=hours)
        if days < 7 and hours % 24:
            return self.words("age.days_hours", count=days, hours=hours % 24)
        return self.words("age.days", count=days)

    def seconds(self, ms: int) -> str:
        """A stretch of time in words: tenths below ten seconds, minutes from two on."""
        if ms < 9_950:
            return self.words("length.seconds", count=f"{ms / 1000:.1f}".removesuffix(".0"))
        if ms < 120_000:
            return self.words("length.seconds", count=round(ms / 1000))
        minutes, rest = divmod(round(ms / 1000), 60)
        return self.words("length.minutes", count=minutes, seconds=rest)


def reader_of(request: Request) -> Reader:
    """The reader, from what the browser sends."""
    cookies = request.cookies
    return Reader(
        words=words_of(negotiate(cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))),
        theme=next((t for t in Theme if t.value == cookies.get(THEME_COOKIE)), Theme.AUTO),
        keys=next((k for k in Keys if k.value == cookies.get(KEYS_COOKIE)), Keys.ALL),
        zone=_zone(cookies.get(ZONE_COOKIE)),
        now=datetime.now(UTC),
    )


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(unquote(name or ""))
    except (ValueError, OSError, KeyError):
        return datetime.now(UTC).astimezone().tzinfo or UTC


def exact(at: datetime) -> str:
    """Date, time and offset as recorded: "2026-11-18 10:42:07 (+08:00)"."""
    offset = f"{at:%z}"
    return f"{at:%Y-%m-%d %H:%M:%S} ({offset[:3]}:{offset[3:5]})"


def clock(ms: int, *, tenths: bool = False) -> str:
    """A place in a recording: mm:ss, with tenths mm:ss.s, with hours h:mm:ss."""
    whole, rest = divmod(max(0, ms), 1000)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
    return f"{text}.{rest // 100}" if tenths else text
