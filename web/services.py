"""What the pages may ask of the station: handed to `web.app.create_app` by the composition root (`web.station`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from broadcaster import alert_tables
from broadcaster.alert_orders import Order
from broadcaster.alert_tables import AlertTable
from broadcaster.alerting import By, Done
from broadcaster.clips import ClipStore
from broadcaster.clock import Clock
from broadcaster.database import Database
from broadcaster.guests import Taken
from broadcaster.settings import Settings
from scheduler.cap_desk import Desk
from scheduler.talking import Talks
from tts.speech import Speech


@dataclass(frozen=True)
class Health:
    """How the station is, for the technician's page and the banner.

    Attributes:
        broker_connected: whether messages can go out now.
        rejected: messages refused since the start, by reason.
        errors: errors caught at an edge since the start, by place.
        free_bytes: room left on the station's disk.
    """

    broker_connected: bool
    rejected: Mapping[str, int]
    errors: Mapping[str, int]
    free_bytes: int


class Orders(Protocol):
    """What a page orders the running station to do at once."""

    def wake(self) -> None:
        """Rows have changed: prepare and plan now instead of at the next beat."""
        ...

    def stop_broadcast(self, broadcast_id: str, account_id: int) -> None:
        """Stop or call off one broadcast everywhere. Errors: airing.NotOnAirError."""
        ...

    def stop_in_place(self, broadcast_id: str, place_id: int, account_id: int) -> None:
        """Stop one broadcast in one place. Errors: airing.NotOnAirError."""
        ...

    def stop_all(self, account_id: int) -> int:
        """Stop everything on the air below EMERGENCY; returns how many broadcasts that were."""
        ...

    def raise_alert(self, order: Order, by: By) -> Done:
        """Raise an alert, or put it in the place of another; its first sound is on the way when this returns.

        Errors: alert_orders.OrderError, alerting.OtherRequestError, alerting.NotInForceError.
        """
        ...

    def end_alert(self, alert_id: str, by: By, *, words: bool, at_once: bool) -> Done:
        """Silence an alert; ``words`` say so, after the quiet hours unless ``at_once``. Errors: alerting.NotInForceError."""
        ...

    def correct_alert(self, alert_id: str, by: By) -> Done:
        """Silence a false alarm and say so at once. Errors: alerting.NotInForceError."""
        ...

    def forward(self, topic: str, message: bytes, token_id: int) -> Taken:
        """Hand on an alert that a guest has signed, unchanged. Errors: RejectedError, guests.LackingClipsError."""
        ...

    def lock_out(self, kid: str, account_id: int) -> None:
        """Tell every speaker not to believe a guest's key, or the station key, for a day; a guest's alerts are withdrawn.

        Errors: GuestKeyError.
        """
        ...

    def rehearse(self, name: str, by: By) -> Done:
        """Try the whole chain without a sound; the same name again is the same rehearsal."""
        ...

    def progress(self, bulletin_id: int) -> tuple[int, int] | None:
        """Steps done and steps in all while a bulletin's sound is being made; None when it is not."""
        ...

    def health(self) -> Health:
        """How the station is."""
        ...


@dataclass(frozen=True)
class Services:
    """Everything a page needs."""

    settings: Settings
    database: Database
    clock: Clock
    speech: Speech
    clips: ClipStore
    orders: Orders
    cap: Desk
    talks: Talks
    wake_cap: Callable[[], None] = lambda: None
    """There is a new CAP feed, or a message with a sound."""
    alert_table: AlertTable = field(default_factory=alert_tables.load)
