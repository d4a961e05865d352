"""The desk at which CAP messages come in: each is taken once, kept as it came, decided on, and carried out.

Taking is one transaction, carrying out another; what lies between them is found again after a restart or an error (`carry_out_due`).
A message that comes twice is answered as it was the first time.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster import chain, notices, standing
from broadcaster.alert_orders import SHORTEST_LIFE, Fault, Order, OrderError
from broadcaster.alerting import By, Done, NotInForceError, OtherRequestError
from broadcaster.cap import message as cap
from broadcaster.cap.message import Message
from broadcaster.cap.safe_xml import BadXmlError
from broadcaster.core import Core
from broadcaster.database import alone
from broadcaster.errors import LoaError
from broadcaster.people import Everybody
from broadcaster.permissions import Action
from broadcaster.rows import Alert, AlertSource, CapMessage, CapOutcome, CapSource, NoticeKind
from scheduler import cap_archive, cap_decision, cap_town
from scheduler.cap_decision import Meant, Planned

_MAX_REFUSED_BYTES: Final = 64 * 1024
_OPEN: Final = (CapOutcome.PROPOSED, CapOutcome.DUE)
_DECIDING: Final = 0x10C
"""The lock of whoever decides about messages: of the same content from two sources each must see what became of the other."""
_REQUEST: Final = re.compile(r"cap:\d*:m(\d+)-\d+")


class DecidedError(LoaError):
    """Somebody, or the sender, has decided already."""


class _MeanwhileError(Exception):
    """The same message was taken while this transaction ran."""


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

    def take(self, source_id: int, data: bytes, *, safe: bool = True) -> Taken:
        """Take one message from a source and do what follows from it. Errors: TooManyError.

        Args:
            source_id: whose it is.
            data: as it came.
            safe: nobody on the way can have altered it; what is not waits for a person.
        """
        try:
            taken = self._take(source_id, data, safe=safe)
        except (IntegrityError, _MeanwhileError):  # it came twice at the same moment: find what the other made of it
            taken = self._take(source_id, data, safe=safe)
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
        """A person has what was proposed raised, with what they changed; what can't be raised stays proposed.

        What was raised of it before stays as it is. Errors: DecidedError.
        """
        with self._core.database.write() as session:
            row = self._proposed(session, number)
            kept, raised = _planned(row), _raised(row)
            orders = [kept[at] if at in raised else self._lasting(one) for at, one in enumerate(changed)]
            row.plan = row.plan | {"orders": msgspec.to_builtins(orders)}
            self._decided(session, row, CapOutcome.DUE, account_id)
        return self.carry_out(number)

    def dismiss(self, number: int, account_id: int) -> None:
        """A person decides against a proposal. Errors: DecidedError."""
        with self._core.database.write() as session:
            self._decided(session, self._proposed(session, number), CapOutcome.DISMISSED, account_id)

    def _proposed(self, session: Session, number: int) -> CapMessage:
        alone(session, _DECIDING)
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

    def _take(self, source_id: int, data: bytes, *, safe: bool) -> Taken:
        faults: list[Any] = []
        message: Message | None = None
        try:
            message = cap.read(data)
        except BadXmlError as error:
            faults = msgspec.to_builtins(error.faults)
        digest = message.digest if message else hashlib.sha256(data).hexdigest()
        with self._core.database.read() as session:
            source = session.get_one(CapSource, source_id)
            if known := cap_archive.known(session, source, digest):
                return Taken(known, fresh=False)
            cap_archive.check_rate(session, source, self._core.clock.now())
            town = cap_town.load(session, source)
        meant = cap_decision.understand(message, town, self._core.clock.now()) if message else Meant()
        with self._core.database.write(urgent=True) as session:
            alone(session, _DECIDING)
            source = session.get_one(CapSource, source_id)
            if known := cap_archive.known(session, source, digest):
                return Taken(known, fresh=False)
            cap_archive.check_rate(session, source, self._core.clock.now())
            now = self._core.clock.now()
            row = CapMessage(source=source, received_at=now, sha256=digest, original=data, outcome=CapOutcome.REFUSED)
            row.done = {"alerts": []}
            session.add(row)
            if message is None:
                row.original, row.reason, row.notes = data[:_MAX_REFUSED_BYTES], "not-valid", {"faults": faults}
            else:
                self._judge(session, source, row, message, meant, safe=safe)
            session.flush()
            cap_archive.forget(session, source, now)
            subject = row.identifier or digest[:16]
            chain.audit(session, at=now, account_id=None, action="cap.take", subject=subject[:120], detail=_named(row))
            return Taken(row, fresh=True)

    def _judge(
        self, session: Session, source: CapSource, row: CapMessage, message: Message, meant: Meant, *, safe: bool
    ) -> None:
        """Decide on a message, and on those whose place it takes."""
        now = self._core.clock.now()
        row.sender, row.identifier, row.sent = message.name.sender, message.name.identifier, message.name.sent
        row.status, row.kind, row.title = message.status, message.kind, message.title[:300]
        same = select(CapMessage).where(CapMessage.source == source, CapMessage.key == message.name.key)
        if first := session.scalar(same):
            if first.sha256 == message.digest:
                raise _MeanwhileError
            row.reason = "other-content"  # the first keeps the name
            return
        row.key = message.name.key
        session.add(row)
        session.flush()
        earlier = cap_town.earlier(session, source, row, message, now)
        verdict = cap_decision.decide(
            message, meant, earlier, now, direct=source.direct, drills=source.drills, safe=safe
        )
        row.outcome, row.reason = verdict.outcome, verdict.reason
        row.notes = {"notes": msgspec.to_builtins(verdict.notes)}
        row.plan = {
            "orders": msgspec.to_builtins([self._lasting(one) for one in verdict.orders]),
            "ends": list(verdict.ends),
        }
        if row.outcome in _OPEN:
            self._beside_others(session, row, cap_town.elsewhere(session, source, row, message))
        if row.outcome in _OPEN or message.kind in {"Update", "Cancel"}:
            cap_town.withdraw(session, source, message)
        if row.outcome is CapOutcome.PROPOSED:
            cap_archive.check_waiting(session, source, now)
            self._tell(session, row)

    def _beside_others(self, session: Session, row: CapMessage, others: Sequence[CapMessage]) -> None:
        """The same message has come from other sources: once is enough, unless what came of it was ended there."""
        direct = row.outcome is CapOutcome.DUE
        waiting = [other for other in others if direct and other.outcome is CapOutcome.PROPOSED]
        for other in others:
            if other in waiting:
                continue
            if other.outcome is CapOutcome.DONE and cap_town.was_undone(session, other):
                row.outcome, row.reason = CapOutcome.PROPOSED, "doubtful"
                row.notes = {"notes": [*row.notes["notes"], {"code": "ended-elsewhere", "what": other.source.name}]}
            else:
                row.outcome, row.reason = CapOutcome.IGNORED, "known-from-other-source"
                return
        cap_archive.supersede(session, [one for one in waiting if cap_town.reaches_as_far(row.source, one.source)])

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
        """Raise and end what a message says; done again it changes nothing.

        An order that is refused keeps no other from being heard; it is for a person then, and nothing falls silent before.
        """
        with self._core.database.read() as session:
            row = session.get_one(CapMessage, number)
            if row.outcome is not CapOutcome.DUE:  # another thread has carried it out meanwhile
                return row
            by = By(AlertSource.CAP, row.account_id, row.source.token_id)
            planned = _planned(row)
            raised = _raised(row) | _raised_before(session, number, by, len(planned))
        problems: list[dict[str, Any]] = []
        for at, one in enumerate(planned):
            try:
                if at not in raised:
                    raised[at] = self._raise(_request(number, at), one, by)
            except (OrderError, OtherRequestError) as error:
                faults = error.faults if isinstance(error, OrderError) else (Fault("request", "used"),)
                problems.append({"code": "order", "what": one.title, "faults": msgspec.to_builtins(faults)})
        if row.plan["ends"] and not problems:
            self._end(number, by, words=not planned)
        return self._finish(number, raised, problems)

    def _end(self, number: int, by: By, *, words: bool) -> None:
        """End what is still in force, and write that down first: a kill in between leaves no end without its message."""
        with self._core.database.write(urgent=True, sync=False) as session:
            row = session.get_one(CapMessage, number, with_for_update=True)
            named = session.scalars(select(Alert).where(Alert.id.in_(row.plan["ends"])))
            ending = [alert.id for alert in named if alert.in_force(self._core.clock.now())]
            row.done = row.done | {"alerts": list(dict.fromkeys([*row.done.get("alerts", ()), *ending]))}
        for alert in ending:
            with suppress(NotInForceError):
                self._orders.end_alert(alert, by, words=words, at_once=False)

    def _raise(self, request: str, planned: Planned, by: By) -> str:
        if planned.expires_at <= self._core.clock.now():  # the station was off meanwhile
            raise OrderError([Fault("life", "expired")])
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

    def _finish(self, number: int, raised: Mapping[int, str], problems: Sequence[dict[str, Any]]) -> CapMessage:
        with self._core.database.write() as session:
            row = session.get_one(CapMessage, number, with_for_update=True)
            if row.outcome is not CapOutcome.DUE:
                return row
            row.outcome = CapOutcome.PROPOSED if problems else CapOutcome.DONE
            alerts = dict.fromkeys([*raised.values(), *row.done.get("alerts", ())])
            row.done = {"alerts": list(alerts), "orders": {str(at): alert for at, alert in raised.items()}}
            row.reason = "order-refused" if problems else ""
            notes = [one for one in row.notes.get("notes", []) if one["code"] != "order"]
            row.notes = row.notes | {"notes": [*notes, *problems]}
            session.flush()
            return row


def _request(number: int, at: int) -> str:
    """The name of an order, by its message and its place in it: whoever alters a message can't give it another's."""
    return f"m{number}-{at}"


def message_of(request: str) -> int | None:
    """The message whose order became an alert, by `Alert.request`; None where there is none."""
    found = _REQUEST.fullmatch(request)
    return int(found[1]) if found else None


def _planned(row: CapMessage) -> list[Planned]:
    return msgspec.convert(row.plan.get("orders", []), list[Planned])


def _raised(row: CapMessage) -> dict[int, str]:
    """What has been raised of a message: alerts by the place of their order."""
    return {int(at): alert for at, alert in row.done.get("orders", {}).items()}


def _raised_before(session: Session, number: int, by: By, orders: int) -> dict[int, str]:
    """What a message has raised before it was interrupted, though it was not noted."""
    requests = {f"{by.source.value}:{by.token_id or ''}:{_request(number, at)}": at for at in range(orders)}
    rows = session.execute(select(Alert.request, Alert.id).where(Alert.request.in_(requests)))
    return {requests[request]: alert for request, alert in rows}


def _named(row: CapMessage) -> dict[str, Any]:
    return {"source": row.source.name, "sender": row.sender, "outcome": row.outcome.value, "reason": row.reason}
