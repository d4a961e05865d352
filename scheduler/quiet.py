"""Quiet hours (khung giờ không phát): nothing below EMERGENCY sounds in them. Pure."""

from datetime import datetime, time
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
