"""Make what docs/ holds for other implementers from the code: ``script/protocol`` writes it, tests compare it."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import protocol_vectors

from broadcaster.wire import catalogue

DOCS: Final = Path(__file__).parents[1] / "docs"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _plain(found: Any) -> Any:
    """A schema without what only Python needs."""
    if isinstance(found, dict):
        plain = {name: _plain(value) for name, value in found.items()}
        if isinstance(plain.get("pattern"), str):
            plain["pattern"] = plain["pattern"].replace("(?!\\n)", "")
        return plain
    return [_plain(value) for value in found] if isinstance(found, list) else found


def schemas() -> dict[str, str]:
    """One JSON Schema for each document, by file name."""
    made = {}
    for entry in catalogue.CATALOGUE:
        if entry.document is not None:
            schema = {"$schema": _DIALECT, **_plain(msgspec.json.schema(entry.document))}
            made[f"{entry.name.lower()}.json"] = _text(schema)
    return made


def _message(entry: catalogue.Entry) -> dict[str, Any]:
    kind = entry.kind.value
    if entry.document is None or entry.signed:
        what = entry.document.__name__ if entry.document else "Octets"
        form = "JWS line, line feed, payload" if entry.signed else "octets"
        return {"name": kind, "title": f"{what}: {form}", "contentType": "application/octet-stream"}
    reference = f"./schemas/{entry.name.lower()}.json"
    return {"name": kind, "contentType": "application/json", "payload": {"$ref": reference}}


def asyncapi() -> str:
    """The AsyncAPI document: JSON, which is YAML as well."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for entry in catalogue.CATALOGUE:
        for path in entry.paths:
            name = entry.kind.value.removeprefix("loa-") + ("ToOne" if len(entry.paths) > 1 and "down" in path else "")
            address = f"loa/1/{{station}}/{path}"
            channels[name] = {
                "address": address,
                "messages": {entry.kind.value: _message(entry)},
                "parameters": {parameter: {} for parameter in re.findall(r"{(\w+)}", address)},
            }
            operations[("hear" if entry.down else "say") + name[0].upper() + name[1:]] = {
                "action": "receive" if entry.down else "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "bindings": {"mqtt": {"qos": entry.qos, "retain": entry.retained, "bindingVersion": "0.2.0"}},
            }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Loa Phường speaker protocol",
            "version": "1.0.0",
            "description": "From the speaker's point of view; docs/protocol.md is the contract.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    }
    return _text(document)


def files() -> dict[Path, str]:
    """Everything that is generated, by path."""
    made = {DOCS / "schemas" / name: text for name, text in schemas().items()}
    made[DOCS / "asyncapi.yaml"] = asyncapi()
    made |= {DOCS / "vectors" / name: _text(found) for name, found in protocol_vectors.files().items()}
    return made


def main() -> int:
    """Write, or with ``--check`` only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{'differs' if check else 'written'}: {path.relative_to(DOCS.parent)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path], "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
