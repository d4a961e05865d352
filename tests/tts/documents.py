"""Real documents for tests, made by what people make them with."""

import html
import shutil
from io import BytesIO
from pathlib import Path

import docx
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "data"


def docx_of(text: str) -> bytes:
    """A Word document, a paragraph for each line."""
    document = docx.Document()
    for line in text.splitlines():
        document.add_paragraph(line)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def printed(*pages: str) -> list[bytes]:
    """PDF files of pages in HTML, as Chromium prints them."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium-headless-shell"), args=flags)
        page = browser.new_page()
        files = []
        for content in pages:
            page.set_content(f"<meta charset=utf-8><body style='font: 12pt Noto Sans'>{content}")
            files.append(page.pdf())
        browser.close()
    return files


def paragraphs(text: str) -> str:
    """HTML of a text."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())
