"""``loa doctor``: asks every part of a station whether it works, and says in plain words what to do."""

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from broadcaster import alert_tables, chain, keyring, own_keys
from broadcaster.alert_tables import AlertTableError
from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.disk import ENOUGH_BYTES
from broadcaster.errors import LoaError
from broadcaster.keyring import Keyring
from broadcaster.rows import AuditEntry, LedgerEntry, Speaker, Station
from broadcaster.settings import Settings
from broadcaster.transport import Message, MqttTransport
from broadcaster.wire.broker_address import BrokerAddress
from tts.speech import Speech, SpeechSettings
from tts.supervisor import espeak
from web import alert_table_words, brokers
from web.say import Say

_BUILT: Final = 2026
_PATIENCE_S: Final = 3.0


@dataclass(frozen=True)
class Finding:
    """One part and whether it works; ``advice`` is what to do when it does not."""

    part: str
    fine: bool
    detail: str
    advice: str = ""


def examine(settings: Settings, say: Say) -> Iterator[Finding]:
    """Ask every part in turn."""
    try:
        database = Database(settings.database)
    except (SQLAlchemyError, ImportError, OSError) as error:
        yield _no_database(error, say)
        yield _keys(settings, say)
        yield _sirens(settings, say)
        yield _voice(settings, say)
        yield _disk(settings, say)
        return
    try:
        yield from _database(database, say)
        yield _keys(settings, say, database)
        yield _sirens(settings, say)
        yield _broker(settings, database, say)
        yield _voice(settings, say)
        yield _clock(database, say)
        yield _disk(settings, say)
    finally:
        database.dispose()


def _no_database(error: Exception, say: Say) -> Finding:
    advice = say("Kiểm tra LOA_DATABASE_URL, quyền ghi vào thư mục và chỗ trống trên đĩa.")
    return Finding(say("Cơ sở dữ liệu"), fine=False, detail=str(error).splitlines()[0], advice=advice)


def _database(database: Database, say: Say) -> Iterator[Finding]:
    part = say("Cơ sở dữ liệu")
    try:
        database.migrate()
        with database.read() as session:
            station = session.scalar(select(Station))
            speakers = len(session.scalars(select(Speaker.id).where(Speaker.retired_at.is_(None))).all())
            broken = chain.first_break(session, LedgerEntry) or chain.first_break(session, AuditEntry)
    except SQLAlchemyError as error:
        yield _no_database(error, say)
        return
    if station is None:
        advice = say("Chạy: loa init --commune TỆP.json")
        yield Finding(part, fine=False, detail=say("chưa có đài nào"), advice=advice)
        return
    detail = say("%(name)s, %(speakers)s cụm loa", name=station.name, speakers=speakers)
    yield Finding(part, fine=True, detail=detail)
    advice = say("Sổ nhật ký phát đã bị sửa. Chạy: loa ledger verify")
    yield Finding(
        say("Sổ nhật ký"), fine=broken is None, detail=say("nguyên vẹn") if broken is None else "", advice=advice
    )


def _keys(settings: Settings, say: Say, database: Database | None = None) -> Finding:
    part, folder = say("Khóa ký"), settings.home_path / "keys"
    try:
        kept = keyring.load_keyring(folder)
    except LoaError as error:
        advice = say("Chạy lại loa init, hoặc lấy khóa từ bản sao lưu. Không gửi tệp khóa cho ai.")
        return Finding(part, fine=False, detail=str(error), advice=advice)
    if database and (trouble := _trouble_with_keys(part, kept, database, say)):
        return trouble
    detail = say("đủ, chỉ chủ máy đọc được")
    if (folder / "root.pem").exists():
        detail += say("; nên cất keys/root.pem ra USB rồi xóa khỏi máy")
    return Finding(part, fine=True, detail=detail)


def _trouble_with_keys(part: str, kept: Keyring, database: Database, say: Say) -> Finding | None:
    """A key that is locked out, or whose file is not the one that speakers believe."""
    try:
        with database.read() as session:
            until = own_keys.locked_until(session, SystemClock().now())
            wrong = [*own_keys.lacking(session, kept), *own_keys.revoked(session, kept)]
    except SQLAlchemyError:  # told under its own name
        return None
    if wrong:
        detail = say("keys/%(name)s.pem không phải khóa mà loa đang tin", name=wrong[0])
        return Finding(part, fine=False, detail=detail, advice=say("Chạy: loa key replace %(name)s", name=wrong[0]))
    if until:
        detail = say("khóa đài đang bị khóa phát đến %(time)s", time=f"{until:%Y-%m-%d %H:%M} UTC")
        return Finding(part, fine=False, detail=detail, advice=say("Mang khóa gốc đến, chạy: loa key replace station"))
    return None


def _sirens(settings: Settings, say: Say) -> Finding:
    part = say("Còi và mẫu cảnh báo")
    try:
        table = alert_tables.load(settings.sirens)
    except AlertTableError as error:
        advice = say("Sửa tệp của LOA_SIRENS rồi chạy: loa sirens check; hoặc bỏ LOA_SIRENS để dùng bảng có sẵn.")
        return Finding(part, fine=False, detail="; ".join(alert_table_words.problems(error, say)), advice=advice)
    detail = say("%(name)s, %(templates)s mẫu", name=table.name, templates=len(table.warnings()))
    return Finding(part, fine=True, detail=detail)


def _broker(settings: Settings, database: Database, say: Say) -> Finding:
    """Send a message through the broker and wait until it is back."""
    part = say("Máy chủ truyền tin (MQTT)")
    advice = say("Chạy loa serve nếu đài chưa chạy; nếu dùng máy chủ truyền tin riêng, kiểm tra LOA_BROKER_URL.")
    try:
        with database.read() as session:
            station = session.scalar(select(Station.code)) or "doctor"
        embedded = brokers.embedded(settings, station, SystemClock(), Counters())
        took_ms = _round_trip(
            brokers.station_address(settings, embedded), f"loa/1/{station}/zone/doctor/plan/2000-01-01"
        )
    except (LoaError, SQLAlchemyError) as error:
        return Finding(part, fine=False, detail=str(error), advice=advice)
    if took_ms is None:
        return Finding(part, fine=False, detail=say("không trả lời"), advice=advice)
    return Finding(part, fine=True, detail=say("đi và về trong %(ms)s ms", ms=round(took_ms)))


def _round_trip(address: BrokerAddress, topic: str) -> float | None:
    """Milliseconds until a message to ourselves is back; None when it does not come."""
    came = threading.Event()
    clock = SystemClock()

    def take(_batch: list[Message]) -> None:
        came.set()

    name = f"doctor-{secrets.token_hex(6)}"
    line = MqttTransport(address, name, clock, Counters(), subscriptions=(topic,), on_batch=take)
    line.start()
    try:
        if not line.wait_connected(_PATIENCE_S):
            return None
        began = time.monotonic()
        line.publish(topic, b"{}")
        return (time.monotonic() - began) * 1000 if came.wait(_PATIENCE_S) else None
    finally:
        line.stop()


def _voice(settings: Settings, say: Say) -> Finding:
    part = say("Giọng đọc")
    try:
        speech = Speech(settings.home_path / "cache" / "speech", espeak())
        try:
            clip = speech.prepare(["xin kính chào bà con."], SpeechSettings(chime=False))
        finally:
            speech.close()
    except (LoaError, OSError) as error:
        advice = say("Cài lại các gói phụ thuộc bằng script/setup.")
        return Finding(part, fine=False, detail=str(error), advice=advice)
    return Finding(part, fine=True, detail=say("đọc được (thử %(s)s giây)", s=round(clip.duration_ms / 1000, 1)))


def _clock(database: Database, say: Say) -> Finding:
    """A clock before our own release, or before the last row we wrote, is wrong."""
    part, now = say("Đồng hồ"), SystemClock().now()
    try:
        with database.read() as session:
            last = session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1))
    except SQLAlchemyError:
        last = None
    fine = now.year >= _BUILT and (last is None or now > last - timedelta(minutes=1))
    advice = say("Đặt lại ngày giờ của máy và bật đồng bộ giờ tự động (NTP).")
    return Finding(part, fine=fine, detail=now.isoformat(timespec="seconds"), advice=advice)


def _disk(settings: Settings, say: Say) -> Finding:
    home = settings.home_path
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    advice = say("Xóa bớt tệp trên đĩa: cần còn trống ít nhất 1 GB.")
    return Finding(
        say("Đĩa"), fine=free >= ENOUGH_BYTES, detail=say("còn trống %(gb)s GB", gb=free // 10**9), advice=advice
    )


def report(settings: Settings, say: Say, show: Callable[[str], None]) -> bool:
    """Show every finding; returns whether all is well."""
    show(say("Thiết lập:"))
    for key, value in settings.shown().items():
        show(f"  {key} = {value}")
    well = True
    for finding in examine(settings, say):
        show(f"{'✓' if finding.fine else '✗'} {finding.part}: {finding.detail}")
        if not finding.fine:
            well = False
            show(f"    → {finding.advice}")
    show(say("Mọi thứ đều ổn.") if well else say("Có việc cần làm, xem các dòng ✗."))
    return well
