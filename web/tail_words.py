"""One message in words: what it is, what stands behind it, what it says."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from broadcaster.clock import SystemClock, from_ms
from broadcaster.tail import Line, Proof
from broadcaster.wire.documents import (
    About,
    Ack,
    Action,
    Command,
    Config,
    Event,
    Hello,
    Manifest,
    Plan,
    Receipt,
    Receipts,
    Request,
    SpeakerState,
    State,
    Telemetry,
    Trust,
    Welcome,
)
from web.say import Say

_SHOWN = 3


def what_words(line: Line, say: Say) -> str:
    """The kind of a message."""
    words = {
        "trust": say("danh sách khóa"),
        "plan": say("lịch"),
        "command": say("lệnh"),
        "manifest": say("bảng kê tệp"),
        "segment": say("đoạn âm thanh"),
        "config": say("cấu hình"),
        "welcome": say("đáp lời"),
        "ack": say("xác nhận"),
        "state": say("trạng thái"),
        "about": say("giới thiệu"),
        "hello": say("lời chào"),
        "receipt": say("phản hồi"),
        "request": say("xin gửi lại"),
        "telemetry": say("báo cáo"),
    }
    word = words.get(line.what, line.what or say("không rõ"))
    return say("%(what)s (bản sao)", what=word) if line.copied else word


def proof_words(line: Line, say: Say) -> str:
    """What stands behind a message."""
    signers = {"root": say("khóa gốc"), "station": say("khóa đài"), "emergency": say("khóa khẩn cấp")}
    words = {
        Proof.SIGNED: say("đúng chữ ký %(signer)s", signer=signers.get(line.signer, line.signer)),
        Proof.HASHED: say("đúng mã băm"),
        Proof.UNSIGNED: say("không ký"),
        Proof.UNPROVEN: say("chưa kiểm được"),
        Proof.FORGED: say("GIẢ MẠO"),
        Proof.UNKNOWN_KEY: say("KHÓA LẠ %(kid)s", kid=line.signer),
        Proof.UNREADABLE: say("KHÔNG ĐỌC ĐƯỢC"),
        Proof.CLEARED: say("đã xóa"),
    }
    return words[line.proof]


def summary(line: Line, say: Say, zone: ZoneInfo) -> str:  # noqa: C901, PLR0911, PLR0912  a table, a row each
    """What a message says, on one line."""
    match line.document:
        case Plan() as plan:
            return _plan(plan, say, zone)
        case Receipts() as receipts:
            return "; ".join(_receipt(one, say, zone) for one in receipts.receipts[:_SHOWN]) + _more(receipts.receipts)
        case Trust() as trust:
            return say(
                "%(keys)s khóa được tin, %(revoked)s đã thu hồi", keys=len(trust.keys), revoked=len(trust.revoked)
            )
        case Command() as command:
            if command.action is Action.STOP:
                return say("dừng %(broadcast)s", broadcast=command.broadcast or "?")
            return say("dừng tất cả") if command.action is Action.STOP_ALL else command.action.value
        case Manifest() as manifest:
            return say("tệp %(clip)s: %(bytes)s byte, %(n)s đoạn",
                       clip=manifest.clip[:12], bytes=manifest.bytes, n=len(manifest.segments))  # fmt: skip
        case Config() as config:
            return say("âm lượng %(volume)s, địa bàn %(zones)s", volume=config.volume, zones=", ".join(config.zones))
        case Welcome() as welcome:
            return say("%(n)s văn bản đang có hiệu lực", n=len(welcome.current))
        case Ack() as ack:
            return say("đã ghi %(n)s phản hồi", n=len(ack.receipts))
        case State() as state:
            return say("%(state)s, kết nối thứ %(n)s", state=_state(state.state, say), n=state.connection)
        case About() as about:
            return say("%(model)s, khởi động lần %(n)s", model=about.model, n=about.boot_count)
        case Hello() as hello:
            return say("đang có %(n)s văn bản", n=len(hello.have))
        case Request() as request:
            what = say("bảng kê") if request.manifest else ", ".join(f"{one}-{two}" for one, two in request.missing)
            return say("tệp %(clip)s: %(what)s", clip=request.clip[:12], what=what)
        case Telemetry() as telemetry:
            refused = ", ".join(f"{why} {n}" for why, n in telemetry.rejected.items()) or "0"
            return say("lệch giờ %(offset)s ± %(error)s ms, %(clips)s tệp, từ chối: %(refused)s",
                       offset=f"{telemetry.offset_ms:+d}", error=telemetry.error_ms, clips=telemetry.clips,
                       refused=refused)  # fmt: skip
        case _ if line.what == "segment" and line.address:
            number = f"{line.address.segment + 1}" + (f"/{line.detail}" if line.detail else "")
            return say("tệp %(clip)s: đoạn %(number)s, %(bytes)s byte",
                       clip=line.address.clip[:12], number=number, bytes=line.size)  # fmt: skip
        case _:
            return line.detail or say("%(bytes)s byte", bytes=line.size)


def _time(moment: int, zone: ZoneInfo) -> str:
    return f"{from_ms(moment).astimezone(zone):%H:%M:%S}"


def _plan(plan: Plan, say: Say, zone: ZoneInfo) -> str:
    now = SystemClock().now_ms()
    following = min((item.start_at for item in plan.items if item.start_at >= now), default=None)
    said = say("ngày %(date)s: %(n)s mục", date=plan.date, n=len(plan.items))
    return said if following is None else said + say(", kế tiếp %(time)s", time=_time(following, zone))


def _receipt(receipt: Receipt, say: Say, zone: ZoneInfo) -> str:
    words = {
        Event.CACHED: say("đã tải xong"),
        Event.STARTED: say("bắt đầu"),
        Event.FINISHED: say("phát xong"),
        Event.SKIPPED: say("bỏ qua"),
        Event.STOPPED: say("dừng"),
        Event.FAILED: say("lỗi"),
        Event.PREEMPTED: say("nhường hạng cao hơn"),
    }
    why = f" ({receipt.why.value})" if receipt.why else ""
    played = say(", phát %(s)s giây", s=f"{receipt.played_ms / 1000:.1f}") if receipt.played_ms else ""
    begun = say(", từ giây %(s)s", s=f"{receipt.position_ms / 1000:.1f}")
    began = begun if receipt.event is Event.STARTED and receipt.position_ms else ""
    return f"{receipt.broadcast} {words.get(receipt.event, receipt.event.value)} {_time(receipt.at, zone)}{began}{played}{why}"


def _more(all_of_them: Sequence[object]) -> str:
    return f" (+{len(all_of_them) - _SHOWN})" if len(all_of_them) > _SHOWN else ""


def _state(state: SpeakerState, say: Say) -> str:
    words = {
        SpeakerState.INIT: say("đang khởi động"),
        SpeakerState.READY: say("sẵn sàng"),
        SpeakerState.SLEEPING: say("nghỉ"),
        SpeakerState.DISCONNECTED: say("đã tắt"),
        SpeakerState.LOST: say("mất kết nối"),
    }
    return words[state]
