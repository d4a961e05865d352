"""XML of strangers: no DTD, no entities, no network, limited in size and depth; and the OASIS schema. The only importer of lxml."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from lxml import etree

from broadcaster.errors import LoaError

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
MAX_CAP_BYTES: Final = 1 << 20
"""A message with the outlines of a province has about 200 kB."""
_MAX_DEPTH: Final = 30
_MAX_FAULTS: Final = 10
_MAX_SAID: Final = 300
_DTD: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ELEMENT: Final = re.compile(r"Element '(?:\{[^}]*\})?([^']+)': ?(.*)", re.DOTALL)
_NAMESPACES: Final = re.compile(r"\{\w+:[^}\s]*\}")

Element: TypeAlias = Any
"""An lxml element."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a document, and where.

    Attributes:
        code: names the sentence that people read.
        line: of the document, from 1; 0 where no line can be named.
        element: its name without the namespace; empty for the document.
        text: more, in English, as the parser says it.
    """

    code: str
    line: int = 0
    element: str = ""
    text: str = ""


class BadXmlError(LoaError):
    """The document can't be taken; every fault is told."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{one.code} line {one.line} {one.element} {one.text}".strip() for one in faults))
        self.faults = faults


def parse(data: bytes, most: int) -> Element:
    """The root of a document of at most ``most`` bytes. Errors: BadXmlError.

    Whatever has a DOCTYPE is refused before a parser sees it; only UTF-8 is taken, so that the search for it can't be misled.
    """
    if len(data) > most:
        raise BadXmlError(Fault("too-large", text=f"{len(data)} bytes, at most {most}"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadXmlError(Fault("not-utf8", line, text=f"byte {error.start}")) from error
    if found := _DTD.search(text):
        raise BadXmlError(Fault("has-dtd", text.count("\n", 0, found.start()) + 1))
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise BadXmlError(Fault("not-xml", error.lineno or 0, text=(error.msg or "")[:_MAX_SAID])) from error
    _check_depth(root)
    return root


def _check_depth(root: Element) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _MAX_DEPTH:
            raise BadXmlError(Fault("too-deep", element.sourceline or 0, text=f"at most {_MAX_DEPTH} levels"))


@cache
def _schema() -> Any:
    document = files("broadcaster").joinpath("data", "CAP-v1.2.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(document))


def check_cap(root: Element) -> None:
    """Hold a document against the OASIS schema of CAP 1.2. Errors: BadXmlError."""
    name = etree.QName(root)
    if name.localname != "alert":
        raise BadXmlError(Fault("not-cap", root.sourceline or 0, name.localname))
    if name.namespace != CAP:
        raise BadXmlError(Fault("wrong-namespace", root.sourceline or 0, "alert", name.namespace or "none"))
    schema = _schema()
    if not schema.validate(root):
        raise BadXmlError(*(_fault(entry) for entry in list(schema.error_log)[:_MAX_FAULTS]))


def _fault(entry: Any) -> Fault:
    found = _ELEMENT.match(entry.message)
    element, said = (found[1], found[2]) if found else ("", entry.message)
    return Fault("schema", entry.line, element, _NAMESPACES.sub("", said)[:_MAX_SAID])


def name_of(element: Element) -> tuple[str, str]:
    """Namespace and name of an element; empty for what is none, such as a processing instruction."""
    if not isinstance(element.tag, str):
        return "", ""
    name = etree.QName(element)
    return name.namespace or "", name.localname


def alone(element: Element) -> bytes:
    """An element as a document of its own."""
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=False))


def digest(element: Element) -> str:
    """SHA-256 over names, attributes and texts: the same for the same content, whatever prefixes and spaces it is written with.

    Not C14N, which fails on a namespace that is a relative address.
    """
    said = hashlib.sha256()
    for event, one in etree.iterwalk(element, events=("start", "end")):
        text = one.text if event == "start" else one.tail if one is not element else ""
        attributes = sorted(one.attrib.items()) if event == "start" else []
        said.update(repr((event, one.tag, attributes, (text or "").strip())).encode())
    return said.hexdigest()
