import subprocess
import unicodedata
import zipfile
from io import BytesIO
from pathlib import Path

import docx
import pytest

from tests.tts.documents import docx_of, paragraphs, printed
from tts.documents import read_file
from tts.legacy import legacy_code, well_formed
from tts.limited import RefusedFileError
from tts.tidying import tidied, unwrapped

DOCUMENTS = sorted((Path(__file__).parent / "reading" / "documents").glob("*.txt"))
PLAIN = "Kính mời bà con thôn Đông tới dự họp lúc 19h30 tại nhà văn hóa.\nĐường lên ruộng bậc thang đã thông, ủy ban xã cử người trực."
TCVN3 = "KÝnh mêi bµ con th«n §«ng tíi dù häp lóc 19h30 t¹i nhµ v¨n hãa."
VNI = "Kính môøi baø con thoân Ñoâng tôùi döï hoïp luùc 19h30 taïi nhaø vaên hoùa."


def read(folder: Path, data: bytes, name: str = "file") -> str:
    path = folder / name
    path.write_bytes(data)
    return read_file(path)


def refused(folder: Path, data: bytes) -> tuple[str, ...]:
    with pytest.raises(RefusedFileError) as refusal:
        read(folder, data)
    return refusal.value.code, *refusal.value.values


def words(text: str) -> list[str]:
    return [word for word in tidied(text).replace("- ", " ").split() if word != "-"]


@pytest.fixture(scope="module")
def printed_pages() -> list[bytes]:
    picture = "<svg width=600 height=800><rect width=600 height=800 fill='red' opacity='.5'/></svg>"
    bitmap = "data:image/bmp;base64,Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAA/wAAAA=="
    sources = [paragraphs(path.read_text("utf-8")) for path in DOCUMENTS]
    return printed(*sources, f"<img src='{bitmap}' width=600 height=800>", paragraphs(TCVN3), picture)


def test_there_are_five_documents() -> None:
    assert len(DOCUMENTS) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_word_document_gives_every_word_of_its_text(tmp_path: Path, number: int) -> None:
    source = DOCUMENTS[number].read_text("utf-8")
    assert words(read(tmp_path, docx_of(source))) == words(source)


@pytest.mark.parametrize("number", range(5))
def test_a_printed_document_gives_every_word_of_its_text(
    tmp_path: Path, printed_pages: list[bytes], number: int
) -> None:
    source = DOCUMENTS[number].read_text("utf-8")
    got, wanted = words(read(tmp_path, printed_pages[number])), words(source)
    assert len(set(got) ^ set(wanted)) <= 0.02 * len(set(wanted)), set(got) ^ set(wanted)


def test_a_printed_paragraph_is_one_line_again(tmp_path: Path, printed_pages: list[bytes]) -> None:
    source = DOCUMENTS[0].read_text("utf-8")
    lines = set(read(tmp_path, printed_pages[0]).split("\n"))
    long = [line for line in tidied(source).split("\n") if len(line) > 120]
    assert sum(line in lines for line in long) > 0.8 * len(long)


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_text_file_is_read_in_every_unicode(tmp_path: Path, code: str) -> None:
    assert read(tmp_path, PLAIN.replace("\n", "\r\n").encode(code)) == PLAIN


def test_a_text_file_of_windows_1258_is_read(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["iconv", "-f", "UTF-8", "-t", "CP1258"], input=PLAIN.encode(), capture_output=True, check=True
    )
    assert read(tmp_path, ran.stdout) == PLAIN


def test_a_text_file_of_the_old_standard_is_recognised(tmp_path: Path) -> None:
    command = ["iconv", "-f", "UTF-8", "-t", "TCVN5712-1"]
    ran = subprocess.run(command, input=PLAIN.encode(), capture_output=True, check=True)
    assert refused(tmp_path, ran.stdout) == ("legacy-font", "TCVN3")


def test_decomposed_text_is_composed(tmp_path: Path) -> None:
    assert read(tmp_path, unicodedata.normalize("NFD", PLAIN).encode()) == PLAIN


@pytest.mark.parametrize(("text", "code"), [(TCVN3, "TCVN3"), (VNI, "VNI"), (VNI.upper(), "VNI")])
def test_old_fonts_are_recognised_in_every_kind_of_file(tmp_path: Path, text: str, code: str) -> None:
    for data in (docx_of(text), text.encode(), text.encode("latin-1", "replace")):
        assert refused(tmp_path, data) == ("legacy-font", code)


def test_an_old_font_in_a_pdf_is_recognised(tmp_path: Path, printed_pages: list[bytes]) -> None:
    assert refused(tmp_path, printed_pages[6]) == ("legacy-font", "TCVN3")


def test_utf_8_that_somebody_read_as_latin_is_recognised(tmp_path: Path) -> None:
    broken = PLAIN.encode().decode("latin-1")
    assert refused(tmp_path, broken.encode()) == ("legacy-font", "UTF-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem[:3])
def test_no_ordinary_text_is_taken_for_an_old_font(path: Path) -> None:
    text = path.read_text("utf-8")
    assert legacy_code(text) == ""
    assert not [line for line in text.splitlines() if legacy_code(line)]
    assert well_formed(text) > 0.9


@pytest.mark.parametrize("text", ["", "Hello world", "Café olé", "Gặp ông Müller và bà Šárka", "À ơi", "Đèo Ô Quy Hồ"])
def test_foreign_words_and_short_texts_are_no_old_font(text: str) -> None:
    assert legacy_code(text) == ""


def test_scans_and_old_files_are_told_apart(tmp_path: Path, printed_pages: list[bytes]) -> None:
    assert refused(tmp_path, printed_pages[5]) == ("scanned",)
    assert refused(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) == ("old-doc",)
    assert refused(tmp_path, b"{\\rtf1\\ansi}") == ("rtf",)
    assert refused(tmp_path, b"\xff\xd8\xff\xe0" + b"\0" * 99) == ("scanned",)
    assert refused(tmp_path, printed_pages[7])[0] in {"no-words", "scanned"}
    assert refused(tmp_path, b"") == ("empty",)
    assert refused(tmp_path, b"  \n 12 ") == ("no-words",)
    assert refused(tmp_path, b"MZ" + b"\0" * 99) == ("not-text", "program")
    assert refused(tmp_path, bytes(range(128, 256)) * 20) == ("unknown-code",)
    assert refused(tmp_path, printed_pages[0][:2000])[0] in {"broken", "no-words", "scanned"}
    assert refused(tmp_path, ("chữ " * 60_000).encode())[0] == "too-long-text"


def zipped(parts: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def test_bombs_and_entities_are_refused(tmp_path: Path) -> None:
    swelling = zipped({"word/document.xml": b"<w>" + b" " * 200_000_000})
    assert len(swelling) < 300_000
    assert refused(tmp_path, swelling) == ("too-heavy",)
    laughs = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><d>&b;</d>'
    outside = b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>'
    for xml in (laughs, outside, laughs.decode().encode("utf-16")):
        assert refused(tmp_path, zipped({"word/document.xml": xml})) == ("entities",)
    assert refused(tmp_path, zipped({"xl/workbook.xml": b"<x/>"})) == ("not-docx",)
    assert refused(tmp_path, zipped({"word/document.xml": b"<x>"})) == ("broken",)
    assert refused(tmp_path, docx_of(PLAIN)[:3000]) == ("broken",)
    assert refused(tmp_path, b"PK\3\4" + b"\0" * 400) == ("broken",)


def test_tables_breaks_and_lists_of_word_are_read_and_deleted_text_is_not(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Họp thôn", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Thôn Đông", "7 giờ"
    line = document.add_paragraph("Dòng một")
    line.add_run().add_break()
    line.add_run("dòng hai")
    file = BytesIO()
    document.save(file)
    assert read(tmp_path, file.getvalue()).split("\n") == ["Họp thôn", "Thôn Đông 7 giờ", "Dòng một", "dòng hai"]
    body = "<w:p><w:r><w:t>Còn</w:t></w:r><w:del><w:r><w:delText>Bỏ</w:delText><w:t>Bỏ</w:t></w:r></w:del></w:p>"
    xml = f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'.encode()
    assert read(tmp_path, zipped({"word/document.xml": xml})) == "Còn"


@pytest.mark.parametrize(
    ("pasted", "tidy"),
    [
        ("·\tHọp thôn\r\n·\tTiêm phòng", "- Họp thôn\n- Tiêm phòng"),
        ("o\tmột\no hai", "- một\no hai"),
        ("\uf0b7\tmột\n\uf0d8 hai", "- một\n- hai"),
        ("v\tmột\n1.\thai", "- một\n1. hai"),
        ("văn\u00adhóa\u200b", "vănhóa"),
        ("5\u00a0000\u202fđồng", "5 000 đồng"),
        ("“Sạch” – ‘đẹp’", "\"Sạch\" – 'đẹp'"),
        ("một\x0bhai\u2028ba\n\n\n\nbốn", "một\nhai\nba\n\nbốn"),
        ("Ho\u0323p tho\u0302n", "Họp thôn"),
        ("ô tô vào bản\nv v", "ô tô vào bản\nv v"),
        ("- đã có", "- đã có"),
    ],
)
def test_what_word_puts_on_the_clipboard_is_tidied(pasted: str, tidy: str) -> None:
    assert tidied(pasted) == tidy
    assert tidied(tidy) == tidy


def test_wrapped_lines_become_paragraphs_and_headings_stay() -> None:
    text = "THÔNG BÁO\nỦy ban nhân dân xã thông báo tới toàn thể bà con trong xã về việc\nhọp thôn.\n- một\n- hai"
    assert unwrapped(text).split("\n") == [
        "THÔNG BÁO",
        "Ủy ban nhân dân xã thông báo tới toàn thể bà con trong xã về việc họp thôn.",
        "- một",
        "- hai",
    ]
