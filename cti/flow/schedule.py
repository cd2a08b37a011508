"""When a timer's entry is due: times of the day, on days of the week or dates of the month, in one time zone."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cti.flow.calendar import read_timezone, read_weekdays
from cti.flow.reading import Reading
from cti.flow.units import parse_clock
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence

EVERY = ("time", "days", "dates", "timezone")
LAST = "last"
#: A 31st that must be a Monday may be years away.
HORIZON_DAYS = 366 * 8 + 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """``times``: minutes of the day, rising; ``days``: Monday is 0; ``dates``: of the month, 0 is its last day, empty
    for every date. A date is due when both its weekday and its number are asked for."""

    times: tuple[int, ...]
    days: frozenset[int] = frozenset(range(7))
    dates: frozenset[int] = frozenset()
    timezone: str = "Asia/Shanghai"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due moment later than ``moment`` (with offset), in this time zone; None: there never is one.

        A time that the clocks leave out when they go forward is due as long after the change as it lies behind the
        time left out (02:30 of a skipped hour: 03:30); one that they show twice is due the first time.
        """
        zone = ZoneInfo(self.timezone)
        day = moment.astimezone(zone).date() - timedelta(days=1)  # its times may be moved into the next day
        for _ in range(HORIZON_DAYS):
            if self._asks(day):
                for minute in self.times:
                    shown = datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone)
                    due = shown.astimezone(UTC)
                    if due > moment:
                        return due.astimezone(zone)
            day += timedelta(days=1)
        return None

    def _asks(self, day: date) -> bool:
        if day.weekday() not in self.days:
            return False
        last = monthrange(day.year, day.month)[1]
        return not self.dates or day.day in self.dates or (day.day == last and 0 in self.dates)


def read_schedule(node: Node | None, reading: Reading) -> Schedule | None:
    """``every:`` of an entry: ``{time: "09:00", days: mon-fri, dates: [1, last], timezone: Asia/Shanghai}``."""
    mapping = reading.mapping(node, "every", EVERY) if node is not None else None
    if mapping is None:
        return None
    for key, _ in mapping:
        if key.text not in EVERY:
            reading.unknown_key(key, "every", EVERY)
    time, days = mapping.get("time"), mapping.get("days")
    if time is None:
        reading.report(mapping.place, "missing-option", 'every needs a time: {time: "09:00"}')
        return None
    times = tuple(sorted({minute for item in _items(time) if (minute := _time(item, reading)) is not None}))
    chosen = range(7) if not isinstance(days, Scalar) else read_weekdays(days, reading)
    if days is not None and not isinstance(days, Scalar):
        reading.scalar(days, "days")
    schedule = Schedule(times, frozenset(chosen), _dates(mapping, reading), _zone(mapping, reading))
    return schedule if times else None


def _time(node: Node, reading: Reading) -> int | None:
    text = reading.word(node, "time")
    minute = parse_clock(text) if text is not None else None
    if text is not None and minute is None:
        reading.report(node.place, "bad-option", f"'{text[:40]}' is no time of the day; write 09:00, up to 23:59")
    return minute


def _dates(mapping: Mapping, reading: Reading) -> frozenset[int]:
    found: set[int] = set()
    for item in _items(mapping.get("dates")):
        if isinstance(item, Scalar) and item.text == LAST:
            found.add(0)
        elif (number := reading.integer(item, f"a date of the month (or '{LAST}')", 1, 31)) is not None:
            found.add(number)
    return frozenset(found)


def _zone(mapping: Mapping, reading: Reading) -> str:
    return read_timezone(mapping, reading) if mapping.get("timezone") is not None else "Asia/Shanghai"


def _items(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, Sequence) else (node,)
