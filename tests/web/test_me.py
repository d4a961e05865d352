from datetime import timedelta

from flask import Flask

from broadcaster import notices
from broadcaster.rows import Address, AuditEntry, Grant, Notice, NoticeKind, Push, Role, Schedule, Station
from tests.web.conftest import Browser
from tests.web.station import Stage, account

HOUR = timedelta(hours=1)


def test_notices_stand_behind_the_bell_until_they_were_looked_at(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=HOUR)
    with stage.rows() as session:
        schedule, detail = session.get_one(Schedule, 1), {"comment": "Sai ngày"}
        notices.tell(session, [1], NoticeKind.RETURNED, "1", stage.clock.now(), schedule=schedule, detail=detail)
    assert "1 thông báo mới" in editor.get("/").text
    page = editor.get("/notices").text
    assert "Bản tin bị trả lại" in page
    assert "“Họp thôn”: Sai ngày" in page
    assert "thông báo mới" not in editor.get("/").text


def test_one_sees_only_ones_own_notices(stage: Stage, editor: Browser, viewer: Browser) -> None:
    with stage.rows() as session:
        notices.tell(session, [1], NoticeKind.TRIAL, "1", stage.clock.now())
    assert "Thử thông báo" not in viewer.get("/notices").text
    assert "1 thông báo mới" in editor.get("/").text


def test_an_address_is_added_tried_kept_secret_and_taken_away(stage: Stage, editor: Browser, viewer: Browser) -> None:
    editor.post("/me/addresses", {"url": "ntfys://ntfy.sh/bi-mat"})
    page = editor.get("/me").text
    assert "ntfys://ntfy.sh/…" in page
    assert "bi-mat" not in page
    with stage.rows() as session:
        (push,) = session.query(Push).all()
        assert push.notice.kind is NoticeKind.TRIAL
        (entry,) = session.query(AuditEntry).filter_by(action="address.add")
        assert "bi-mat" not in str(entry.detail)
    assert viewer.post("/me/addresses/1/remove").status_code == 404
    editor.post("/me/addresses/1/remove")
    with stage.rows() as session:
        assert "bi-mat" not in session.get_one(Address, 1).url
        assert session.query(Push).one().given_up_at is not None


def test_an_address_of_no_known_kind_is_refused_in_words(stage: Stage, editor: Browser) -> None:
    for url in ("syslog://", "khong-phai", "file:///etc/passwd", "json://" + "x" * 600):
        editor.post("/me/addresses", {"url": url})
        assert "Không dùng được địa chỉ này" in editor.get("/me").text
    with stage.rows() as session:
        assert session.query(Notice).count() == 0


def test_an_approver_lends_the_right_with_dates_and_takes_it_back(app: Flask, stage: Stage, viewer: Browser) -> None:
    with stage.rows() as session:
        session.query(Station).one().approval = True
        session.add(account("chu-tich", Role.APPROVER, stage.clock.now()))
    chair = Browser(app.test_client())
    chair.sign_in("chu-tich")
    assert viewer.get("/approval").status_code == 403
    chair.post("/me/lend", {"to": "2", "from": "2026-11-21", "until": "2026-11-22"})
    assert viewer.get("/approval").status_code == 200
    assert "Xem" in chair.get("/me").text
    with stage.rows() as session:
        (lent,) = session.query(Grant).filter(Grant.delegated_from_id.is_not(None))
    chair.post(f"/me/lend/{lent.id}/end")
    assert viewer.get("/approval").status_code == 403


def test_nobody_lends_what_is_not_theirs_or_for_days_that_are_over(
    app: Flask, stage: Stage, editor: Browser, viewer: Browser
) -> None:
    assert editor.post("/me/lend", {"to": "2", "from": "2026-11-21", "until": "2026-11-22"}).status_code == 403
    with stage.rows() as session:
        session.add(Grant(account_id=1, role=Role.APPROVER, granted_at=stage.clock.now()))
    for wrong in ({"to": "1"}, {"to": "99"}, {"until": "2026-11-20"}, {"until": "mai"}):
        form = {"to": "2", "from": "2026-11-19", "until": "2026-11-22"} | wrong
        editor.post("/me/lend", form)
        assert "Chưa ủy quyền được" in editor.get("/me").text
    assert viewer.get("/approval").status_code == 403
