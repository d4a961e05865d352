"""The desk at which CAP messages come in: each is taken once, kept as it came, decided on, and carried out.

Taking is one transaction, carrying out another; what lies between them is found again after a restart or an error (`carry_out_due`).
A message that comes twice is answered as it was the first time.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from broadcaster import chain, notices, standing
from broadcaster.alert_orders import SHORTEST_LIFE, Order, OrderError
from broadcaster.alerting import By, Done, NotInForceError, OtherRequestError
from broadcaster.cap import message as cap
from broadcaster.cap.message import Message
from broadcaster.cap.safe_xml import BadXmlError
from broadcaster.core import Core
from broadcaster.errors import LoaError
from broadcaster.people import Everybody
from broadcaster.permissions import Action
from broadcaster.rows import AlertSource, CapMessage, CapOutcome, CapSource, NoticeKind
from scheduler import cap_decision, cap_town
from scheduler.cap_decision import Planned

MOST_A_MINUTE: Final = 60
"""Messages of one source."""
_MINUTE: Final = timedelta(minutes=1)
_KEPT: Final = 200
"""Of what one source sent for nothing: so many refused documents, and so many originals of what was not to be heard."""
_MAX_REFUSED_BYTES: Final = 64 * 1024
_OPEN: Final = (CapOutcome.PROPOSED, CapOutcome.DUE)


class TooManyError(LoaError):
    """A source sends more than `MOST_A_MINUTE`."""


class DecidedError(LoaError):
    """Somebody, or the sender, has decided already."""


class AlertOrders(Protocol):
    """What the desk has done (`web.services.Orders` can do it)."""

    def raise_alert(self, order: Order, by: By) -> Done:
        """Raise an alert."""
        ...

    def end_alert(self, alert_id: str, by: By, *, words: bool, at_once: bool) -> Done:
        """End an alert."""
        ...


@dataclass(frozen=True)
class Taken:
    """A message as it stands, and whether it came for the first time."""

    row: CapMessage
    fresh: bool


class Desk:
    """Takes messages. Safe to call from several threads."""

    def __init__(self, core: Core, orders: AlertOrders) -> None:
        self._core, self._orders = core, orders

    def take(self, source_id: int, data: bytes) -> Taken:
        """Take one message from a source and do what follows from it. Errors: TooManyError."""
        try:
            taken = self._take(source_id, data)
        except IntegrityError:  # the same message came at the same moment: find what the other one made of it
            taken = self._take(source_id, data)
        if taken.row.outcome is CapOutcome.DUE:
            return replace(taken, row=self.carry_out(taken.row.id))
        return taken

    def carry_out_due(self, *, since: timedelta = timedelta()) -> None:
        """Finish what a restart or an error interrupted at least so long ago."""
        known = func.coalesce(CapMessage.decided_at, CapMessage.received_at)
        waiting = select(CapMessage.id).where(CapMessage.outcome == CapOutcome.DUE)
        with self._core.database.read() as session:
            due = session.scalars(waiting.where(known <= self._core.clock.now() - since)).all()
        for number in due:
            with self._core.counters.edge("cap"):
                self.carry_out(number)

    def press(self, number: int, account_id: int, changed: Sequence[Planned]) -> CapMessage:
        """A person has what was proposed raised, with what they changed; what can't be raised stays proposed. Errors: DecidedError."""
        with self._core.database.write() as session:
            row = self._proposed(session, number)
            row.plan = row.plan | {"orders": msgspec.to_builtins([self._lasting(one) for one in changed])}
            self._decided(session, row, CapOutcome.DUE, account_id)
        return self.carry_out(number)

    def dismiss(self, number: int, account_id: int) -> None:
        """A person decides against a proposal. Errors: DecidedError."""
        with self._core.database.write() as session:
            self._decided(session, self._proposed(session, number), CapOutcome.DISMISSED, account_id)

    def _proposed(self, session: Session, number: int) -> CapMessage:
        row = session.get(CapMessage, number, with_for_update=True)
        if row is None or row.outcome is not CapOutcome.PROPOSED:
            raise DecidedError(str(number))
        return row

    def _decided(self, session: Session, row: CapMessage, outcome: CapOutcome, account_id: int) -> None:
        now = self._core.clock.now()
        row.outcome, row.account_id, row.decided_at = outcome, account_id, now
        action = "cap.raise" if outcome is CapOutcome.DUE else "cap.dismiss"
        chain.audit(session, at=now, account_id=account_id, action=action, subject=str(row.id), detail=_named(row))

    # Taking.

    def _take(self, source_id: int, data: bytes) -> Taken:
        faults: list[Any] = []
        message: Message | None = None
        try:
            message = cap.read(data)
        except BadXmlError as error:
            faults = msgspec.to_builtins(error.faults)
        digest = message.digest if message else hashlib.sha256(data).hexdigest()
        with self._core.database.write() as session:
            source = session.get_one(CapSource, source_id)
            if known := _known(session, source, digest):
                return Taken(known, fresh=False)
            now = self._core.clock.now()
            if _recent(session, source, now - _MINUTE) >= MOST_A_MINUTE:
                raise TooManyError(source.name)
            row = CapMessage(source=source, received_at=now, sha256=digest, original=data, outcome=CapOutcome.REFUSED)
            row.done = {"alerts": []}
            session.add(row)
            if message is None:
                row.original, row.reason, row.notes = data[:_MAX_REFUSED_BYTES], "not-valid", {"faults": faults}
            else:
                self._judge(session, source, row, message)
            session.flush()
            _forget(session, source)
            subject = row.identifier or digest[:16]
            chain.audit(session, at=now, account_id=None, action="cap.take", subject=subject[:120], detail=_named(row))
            return Taken(row, fresh=True)

    def _judge(self, session: Session, source: CapSource, row: CapMessage, message: Message) -> None:
        """Decide on a message, and on those whose place it takes."""
        now = self._core.clock.now()
        row.sender, row.identifier, row.sent = message.name.sender, message.name.identifier, message.name.sent
        row.status, row.kind, row.title = message.status, message.kind, message.title[:300]
        same = select(CapMessage).where(CapMessage.source == source, CapMessage.key == message.name.key)
        if session.scalar(same):
            row.reason = "other-content"  # the first keeps the name
            return
        row.key = message.name.key
        session.add(row)
        session.flush()
        earlier = cap_town.earlier(session, source, row, message, now)
        verdict = cap_decision.decide(
            message, cap_town.load(session), earlier, now, direct=source.direct, drills=source.drills
        )
        others = _elsewhere(session, row, message) if verdict.outcome in _OPEN else []
        row.outcome, row.reason = verdict.outcome, verdict.reason
        row.notes = {"notes": msgspec.to_builtins(verdict.notes)}
        row.plan = {
            "orders": msgspec.to_builtins([self._lasting(one) for one in verdict.orders]),
            "ends": list(verdict.ends),
        }
        for other in others:
            if other.outcome is CapOutcome.PROPOSED and verdict.outcome is CapOutcome.DUE:
                other.outcome = CapOutcome.SUPERSEDED
            else:
                row.outcome, row.reason = CapOutcome.IGNORED, "known-from-other-source"
        if row.outcome in _OPEN or message.kind in {"Update", "Cancel"}:
            cap_town.withdraw(session, source, message)
        if row.outcome is CapOutcome.PROPOSED:
            self._tell(session, row)

    def _lasting(self, planned: Planned) -> Planned:
        """An order as it is kept: how long it lasts is settled once, so that done again it is the same order."""
        left = max(planned.expires_at - self._core.clock.now(), SHORTEST_LIFE)
        return msgspec.structs.replace(planned, life_s=int(left.total_seconds()))

    def _tell(self, session: Session, row: CapMessage) -> None:
        """Duty officers learn that something waits for them."""
        now = self._core.clock.now()
        codes = {code for one in row.plan["orders"] for code in one["places"]}
        whom = Everybody(session, now).allowed(Action.RAISE, cap_town.ids(session, codes))
        detail = {"title": row.title, "places": ", ".join(cap_town.names(session, codes))}
        notices.tell(session, whom, NoticeKind.CAP, str(row.id), now, detail=detail)

    # Carrying out.

    def carry_out(self, number: int) -> CapMessage:
        """Raise and end what a message says; done again it changes nothing."""
        with self._core.database.read() as session:
            row = session.get_one(CapMessage, number)
            planned = msgspec.convert(row.plan["orders"], list[Planned])
            by = By(AlertSource.CAP, row.account_id, row.source.token_id)
            key = row.key
        alerts: list[str] = []
        try:
            for position, one in enumerate(planned):
                alerts.append(self._raise(f"{key}-{position}", one, by))
        except (OrderError, OtherRequestError) as error:
            return self._finish(number, CapOutcome.PROPOSED, alerts, str(error))
        for alert in row.plan["ends"]:
            try:
                self._orders.end_alert(alert, by, words=not planned, at_once=False)
            except NotInForceError:
                continue
            alerts.append(alert)
        return self._finish(number, CapOutcome.DONE, alerts)

    def _raise(self, request: str, planned: Planned, by: By) -> str:
        words = (*planned.words, f"{standing.RECORDING} {planned.recording}") if planned.recording else planned.words
        order = Order(
            request=request,
            template=planned.template,
            places=planned.places,
            level=planned.level,
            life=timedelta(seconds=planned.life_s),
            drill=planned.drill,
            follows=planned.follows,
            title=planned.title,
            words=words,
        )
        try:
            return self._orders.raise_alert(order, by).alert.id
        except (NotInForceError, OtherRequestError):
            if not planned.follows:
                raise
            # what it should follow has ended meanwhile
            return self._orders.raise_alert(replace(order, follows=None), by).alert.id

    def _finish(self, number: int, outcome: CapOutcome, alerts: list[str], problem: str = "") -> CapMessage:
        with self._core.database.write() as session:
            row = session.get_one(CapMessage, number)
            row.outcome = outcome
            row.done = {"alerts": list(dict.fromkeys([*row.done.get("alerts", ()), *alerts]))}
            row.reason = "order-refused" if problem else ""
            if problem:
                row.notes = row.notes | {"notes": [*row.notes.get("notes", []), {"code": "order", "what": problem}]}
            session.flush()
            return row


def proposals(session: Session) -> Sequence[CapMessage]:
    """What waits for a person, the latest first."""
    rows = select(CapMessage).where(CapMessage.outcome == CapOutcome.PROPOSED).options(joinedload(CapMessage.source))
    return session.scalars(rows.order_by(CapMessage.id.desc())).all()


def _named(row: CapMessage) -> dict[str, Any]:
    return {"source": row.source.name, "sender": row.sender, "outcome": row.outcome.value, "reason": row.reason}


def _known(session: Session, source: CapSource, digest: str) -> CapMessage | None:
    """The same content that this source has sent before."""
    rows = select(CapMessage).where(CapMessage.source == source, CapMessage.sha256 == digest)
    return session.scalar(rows.order_by(CapMessage.id).limit(1))


def _recent(session: Session, source: CapSource, since: datetime) -> int:
    rows = select(func.count()).select_from(CapMessage)
    return session.scalar(rows.where(CapMessage.source == source, CapMessage.received_at > since)) or 0


def _elsewhere(session: Session, row: CapMessage, message: Message) -> list[CapMessage]:
    """The very same message from other sources, as far as something came of it."""
    heard = (*_OPEN, CapOutcome.DONE, CapOutcome.DISMISSED)
    rows = select(CapMessage).where(
        CapMessage.sha256 == message.digest, CapMessage.id != row.id, CapMessage.outcome.in_(heard)
    )
    return list(session.scalars(rows))


def _forget(session: Session, source: CapSource) -> None:
    """Nobody fills the disk with what nobody hears; that it came, and its name, stay known."""
    rows = (
        select(CapMessage.id).where(CapMessage.source == source).order_by(CapMessage.id.desc()).offset(_KEPT).limit(1)
    )
    if refused := session.scalar(rows.where(CapMessage.outcome == CapOutcome.REFUSED, CapMessage.key.is_(None))):
        session.execute(delete(CapMessage).where(CapMessage.id == refused))
    if ignored := session.scalar(rows.where(CapMessage.outcome == CapOutcome.IGNORED)):
        session.execute(update(CapMessage).where(CapMessage.id == ignored).values(original=b""))
