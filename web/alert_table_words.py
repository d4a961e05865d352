"""What people read about tables of sirens and templates: what is wrong with a file, and how a siren sounds."""

import re
from typing import Final

from babel.numbers import format_decimal

from broadcaster.alert_tables import AlertTableError, Fault
from broadcaster.alert_templates import LONGEST_S, Siren
from web.say import Say


def problems(error: AlertTableError, say: Say) -> list[str]:
    """One line for every fault, with file, line and key."""
    return [_problem(error.name, one, say) for one in error.faults]


def _problem(file: str, fault: Fault, say: Say) -> str:
    where = file if fault.line is None else say("%(file)s, dòng %(line)s", file=file, line=fault.line)
    return ": ".join(part for part in (where, fault.key, _what(fault, say)) if part)


def _what(fault: Fault, say: Say) -> str:
    if fault.code == "wrong-value":
        return _wanted(fault.value, say)
    words = {
        "unreadable": say("không đọc được tệp (%(value)s)"),
        "no-toml": say("không đúng cú pháp TOML (%(value)s)"),
        "unknown-key": say("không có khóa này"),
        "missing-key": say("thiếu khóa này"),
        "wrong-code": say("tên chỉ gồm chữ thường không dấu, chữ số và gạch nối, nhiều nhất 40 ký tự"),
        "low-above-high": say("low_hz không được lớn hơn high_hz"),
        "too-long": say("còi dài %(value)s giây, nhiều nhất %(most)s giây vì lời báo phải chờ còi dứt"),
        "no-siren": say("bảng không có còi “%(value)s” mà mẫu này dùng"),
        "no-field": say("câu này dùng ô “%(value)s” mà mẫu không khai trong fields"),
        "stray-brace": say("dấu { } chỉ dùng để bao tên một ô"),
        "text-length": say("phải có chữ, nhiều nhất %(value)s ký tự"),
        "unused-field": say("không câu nào dùng ô “%(value)s”"),
        "taken-field": say("tên ô “%(value)s” bị trùng hoặc là tên riêng của máy"),
        "no-warning": say("mẫu này không phải cảnh báo nên không có còi, không có ô để điền"),
        "silent": say("mẫu thử đường truyền không nói gì"),
        "nothing-ready": say("phải có ít nhất một câu không có ô nào ngoài {place}, để phát được ngay"),
    }
    return words[fault.code] % {"value": fault.value, "most": f"{LONGEST_S:g}"} if fault.value else words[fault.code]


_BOUND: Final = re.compile(r"(>=|<=) ([\d.]+)")


def _wanted(told: str, say: Say) -> str:
    """What a value has to be, from the words of msgspec: ```int` >= 1``."""
    kinds = {
        "int": say("phải là số nguyên"),
        "float": say("phải là số"),
        "str": say("phải là chữ, đặt trong dấu nháy"),
        "bool": say("phải là true hoặc false"),
        "array": say("phải là danh sách, đặt trong ngoặc vuông"),
    }
    kind = re.match(r"`(\w+)`", told)
    words = kinds.get(kind[1] if kind else "", say("phải là một bảng có các khóa"))
    if bound := _BOUND.search(told):
        limit = f"{float(bound[2]):g}"
        words += " " + (say("từ %(n)s trở lên", n=limit) if bound[1] == ">=" else say("không quá %(n)s", n=limit))
    return words


def pattern(siren: Siren, say: Say, language: str) -> str:
    """How a siren sounds."""

    def number(value: float) -> str:
        written: str = format_decimal(value, locale=language)
        return written

    told = [say("%(blasts)s hồi × %(seconds)s giây", blasts=siren.blasts, seconds=number(siren.blast_s))]
    if siren.blasts > 1 or siren.series > 1:
        told.append(say("cách nhau %(seconds)s giây", seconds=number(siren.pause_s)))
    if siren.series > 1:
        told.append(say("làm %(times)s lượt", times=siren.series))
    if siren.low_hz == siren.high_hz:
        told.append(say("một âm %(hz)s Hz", hz=number(siren.low_hz)))
    else:
        told.append(say("hú từ %(low)s đến %(high)s Hz", low=number(siren.low_hz), high=number(siren.high_hz)))
    return ", ".join(told)
