"""Emergencies over rows: raise, update, end, correct; and the signed documents that follow from them.

An alert is a playlist that grows: what stands ready leaves at once, sentences follow as they are spoken (`grow`). An update is
a new alert that takes the old one's place in the same transaction. Knows no HTTP and no engine.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import alert_templates, chain, standing
from broadcaster.alert_documents import settle, sign
from broadcaster.alert_orders import Order, check
from broadcaster.alert_templates import Template
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.errors import LoaError
from broadcaster.geography import tops
from broadcaster.rows import Alert, AlertEnd, AlertSound, AlertSource, Place, Published, Speaker
from broadcaster.wire.urgent import Part

PREFIX: Final = "kc-"
"""Begins the name of every alert, so that receipts of alerts are told from those of broadcasts."""
_WORDS_LIFE: Final = timedelta(hours=2)
"""Of the words that follow an end or a correction, from the moment they may be said."""
_REHEARSAL_LIFE: Final = timedelta(minutes=15)
"""Long enough for those who come back from a short loss, short enough to be worth nothing to a thief."""
_LEAD_MS: Final = 400
_LEAD_US_PER_SPEAKER: Final = 30


class OtherRequestError(LoaError):
    """The same request was made before with other contents."""


class NotInForceError(LoaError):
    """There is no such alert, or it is over."""


class NotOursError(NotInForceError):
    """Somebody else has signed the alert: only its own key can end or replace it."""


class NotAWarningError(NotInForceError):
    """These are words that follow an alert: there is nothing to update or correct in them, they can only be ended."""


@dataclass(frozen=True)
class By:
    """Who orders it."""

    source: AlertSource = AlertSource.DUTY
    account_id: int | None = None
    token_id: int | None = None


@dataclass(frozen=True)
class Done:
    """What came of an order: the alert, the documents to hand over at once, and whether it was new."""

    alert: Alert
    documents: tuple[Published, ...] = ()
    fresh: bool = True


def raise_alert(session: Session, core: Core, order: Order, by: By, sirens: str) -> Done:
    """Raise an alert, or put it in the place of the one it follows. Call it in a write transaction.

    Errors: OrderError, OtherRequestError, NotInForceError (what it follows is over), NotAWarningError.
    """
    request = f"{by.source.value}:{by.token_id or ''}:{order.request}"
    if known := session.scalar(select(Alert).where(Alert.request == request)):
        if known.request_sha256 != order.digest():
            raise OtherRequestError(order.request)
        return Done(known, fresh=False)
    template, places = check(session, order)
    old = _warning(session, order.follows, core.clock.now()) if order.follows else None
    level = order.level or template.level
    siren = bool(template.siren) and (old is None or template.rises or level > old.level)
    documents: tuple[Published, ...] = ()
    if old:
        documents = _close(session, core, old, AlertEnd.REPLACED)
    alert = _make(session, core, template, places, request=request, digest=order.digest(), by=by)
    alert.title = order.title or _title(template, order.values)
    alert.level, alert.siren, alert.follows_id = level, siren, order.follows
    alert.drill = order.drill or template.drill
    if alert.drill:
        alert.repeats, alert.every_ms = 1, 0
    alert.expires_at = alert.raised_at + order.life
    _fill(session, core, alert, template, values=order.values, sirens=sirens, words=order.words)
    _audit(session, core, "alert.update" if old else "alert.raise", alert, by)
    return Done(alert, documents + sign(session, core, alert))


def end_alert(
    session: Session, core: Core, alert_id: str, by: By, *, words: bool, not_before: datetime | None = None
) -> Done:
    """Silence an alert everywhere; its spoken end waits until ``not_before``. Words that follow an alert just stop.

    Errors: NotInForceError.
    """
    alert = _get(session, alert_id, core.clock.now())
    documents = _close(session, core, alert, AlertEnd.ENDED)
    _audit(session, core, "alert.end", alert, by)
    if words and is_warning(alert):
        documents += _say_after(session, core, alert, "end", by=by, not_before=not_before)
    return Done(alert, documents)


def correct_alert(session: Session, core: Core, alert_id: str, by: By) -> Done:
    """A false alarm: silence it, and say so at once wherever it may have sounded.

    Errors: NotInForceError, NotAWarningError.
    """
    alert = _warning(session, alert_id, core.clock.now())
    documents = _close(session, core, alert, AlertEnd.CORRECTED)
    _audit(session, core, "alert.correct", alert, by)
    return Done(alert, documents + _say_after(session, core, alert, "correction", by=by, not_before=None))


def warm_up(session: Session, core: Core, sirens: str) -> None:
    """Raise an alert and undo it: the first real one then finds queries compiled and templates read (60 ms)."""
    template = next(one for one in alert_templates.all_templates() if one.kind == "warning")
    values = {one.name: "1" for one in template.fields}
    places = session.scalars(select(Place.code).order_by(Place.id).limit(1))
    with session.begin_nested() as undone:
        raise_alert(session, core, Order("warm-up", template.code, tuple(places), values), By(), sirens)
        undone.rollback()


def rehearse(session: Session, core: Core, name: str, by: By) -> Done:
    """Try the whole chain without a sound: an alert to everybody that has nothing to say. The same name again is the same one."""
    request = f"{by.source.value}::{name}"
    if known := session.scalar(select(Alert).where(Alert.request == request)):
        return Done(known, fresh=False)
    template = alert_templates.of_kind("rehearsal")
    places = session.scalars(tops()).all()
    alert = _make(session, core, template, places, request=request, digest="", by=by)
    alert.title, alert.level, alert.siren, alert.drill = template.name, template.level, False, True
    alert.expires_at = alert.raised_at + _REHEARSAL_LIFE
    session.add(alert)
    session.flush()
    _audit(session, core, "alert.rehearse", alert, by)
    return Done(alert, sign(session, core, alert))


def _say_after(
    session: Session, core: Core, alert: Alert, kind: alert_templates.Kind, *, by: By, not_before: datetime | None
) -> tuple[Published, ...]:
    """The words that follow an alert, as one of their own."""
    template, now = alert_templates.of_kind(kind), core.clock.now()
    request = f"after:{alert.id}:{kind}"
    words = _make(session, core, template, alert.targets, request=request, digest="", by=by)
    words.title, words.level, words.siren, words.drill = template.name, template.level, False, alert.drill
    words.follows_id = alert.id
    if not_before and not_before > now:
        words.hold_until = words.start_at = not_before
    words.expires_at = max(now, not_before or now) + _WORDS_LIFE
    _fill(session, core, words, template, values={}, sirens="")
    return sign(session, core, words)


def _get(session: Session, alert_id: str, now: datetime) -> Alert:
    """An alert in force, which nobody else ends meanwhile."""
    alert = get(session, alert_id, to_change=True)
    if alert is None or not alert.in_force(now):
        raise NotInForceError(alert_id)
    if alert.source is AlertSource.PROVINCE:
        raise NotOursError(alert_id)
    return alert


def _warning(session: Session, alert_id: str, now: datetime) -> Alert:
    """The same, but for the words that follow an alert. Errors: NotInForceError, NotAWarningError."""
    alert = _get(session, alert_id, now)
    if not is_warning(alert):
        raise NotAWarningError(alert_id)
    return alert


def _close(session: Session, core: Core, alert: Alert, end: AlertEnd) -> tuple[Published, ...]:
    alert.ended_at, alert.end = core.clock.now(), end
    return sign(session, core, alert)


def _title(template: Template, values: Mapping[str, str]) -> str:
    number = values.get("so", "").strip()
    return f"{template.name} số {number}"[:300] if number else template.name


def _make(
    session: Session,
    core: Core,
    template: Template,
    places: Sequence[Place],
    *,
    request: str,
    digest: str,
    by: By,
) -> Alert:
    now = core.clock.now()
    in_service = Speaker.retired_at.is_(None) & Speaker.pending_since.is_(None)
    speakers = session.scalar(select(func.count()).select_from(Speaker).where(in_service)) or 0
    start_ms = to_ms(now) + _LEAD_MS + speakers * _LEAD_US_PER_SPEAKER // 1000
    alert = Alert(
        id=f"{PREFIX}{now:%Y%m%d}-{secrets.token_hex(5)}",
        request=request,
        request_sha256=digest,
        template=template.code,
        repeats=template.repeats,
        every_ms=template.every_min * 60_000,
        source=by.source,
        account_id=by.account_id,
        token_id=by.token_id,
        raised_at=now,
        start_at=from_ms(start_ms),
    )
    alert.targets = list(places)
    return alert


def _fill(
    session: Session,
    core: Core,
    alert: Alert,
    template: Template,
    *,
    values: Mapping[str, str],
    sirens: str,
    words: Sequence[str] = (),
) -> None:
    """Write down what is said in each place; sounds that stand ready get their moment at once."""
    siren = alert_templates.sirens(sirens)[template.siren] if alert.siren else None
    said: dict[int, list[str]] = {}
    for place in alert.targets:
        sentences = [*template.call(place.name), *words] if words else template.say(place.name, values)
        if alert.drill and not template.drill:
            sentences = [alert_templates.DRILL, *sentences, alert_templates.DRILL]
        said[place.id] = [standing.siren_text(siren), *sentences]
    clips = standing.clips_of(session, {text for texts in said.values() for text in texts})
    for place_id, texts in said.items():
        alert.sounds += [
            AlertSound(
                place_id=place_id,
                position=position,
                part=Part.SPEECH if position else Part.SIREN,
                text=text,
                clip=clips.get(text),
            )
            for position, text in enumerate(texts)
        ]
    settle(alert, core.clock.now(), alert.raised_at)
    session.add(alert)
    session.flush()


def in_force(session: Session, now: datetime) -> list[Alert]:
    """The alerts in force, the higher level first, of two the newer."""
    return [alert for alert in unexpired(session, now) if alert.ended_at is None and not is_silent(alert)]


def is_silent(alert: Alert) -> bool:
    """Whether it is a rehearsal without a sound, which is nobody's warning."""
    return alert_templates.kind_of(alert.template) == "rehearsal"


def is_warning(alert: Alert) -> bool:
    """Whether it warns of something: neither the words that follow an alert nor a rehearsal."""
    return alert_templates.kind_of(alert.template) == "warning"


def unexpired(session: Session, now: datetime) -> list[Alert]:
    """The alerts whose documents are still retained, ended ones too, without their sounds."""
    rows = select(Alert).where(Alert.expires_at > now).options(selectinload(Alert.targets))
    return list(session.scalars(rows.order_by(Alert.level.desc(), Alert.raised_at.desc())))


def get(session: Session, alert_id: str, *, to_change: bool = False) -> Alert | None:
    """One alert with all that is said of it; ``to_change`` waits until nobody else is changing it."""
    rows = (
        select(Alert)
        .where(Alert.id == alert_id)
        .options(
            selectinload(Alert.targets),
            selectinload(Alert.sounds).joinedload(AlertSound.clip),
            joinedload(Alert.account),
        )
    )
    return session.scalar(rows.with_for_update(of=Alert) if to_change else rows)


def _audit(session: Session, core: Core, action: str, alert: Alert, by: By) -> None:
    detail: dict[str, Any] = {
        "template": alert.template,
        "level": alert.level,
        "places": [place.code for place in alert.targets],
        "drill": alert.drill,
        "source": by.source.value,
    }
    if by.token_id:
        detail["token"] = by.token_id
    if alert.follows_id:
        detail["follows"] = alert.follows_id
    chain.audit(session, at=core.clock.now(), account_id=by.account_id, action=action, subject=alert.id, detail=detail)
