"""Quiet hours (khung giờ không phát): nothing below EMERGENCY sounds in them. Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from broadcaster.rows import Station


def is_quiet(station: Station, moment: datetime) -> bool:
    """Whether ``moment`` (aware) lies in the station's quiet hours."""
    if station.quiet_start is None or station.quiet_until is None:
        return False
    start, until = time.fromisoformat(station.quiet_start), time.fromisoformat(station.quiet_until)
    local = moment.astimezone(ZoneInfo(station.timezone)).time()
    if start <= until:
        return start <= local < until
    return local >= start or local < until


def end(station: Station, moment: datetime) -> datetime:
    """The first whole minute from ``moment`` on that is not quiet; ``moment`` itself when it is not."""
    minute = moment
    while is_quiet(station, minute) and minute < moment + timedelta(days=1):
        minute = minute.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return minute
