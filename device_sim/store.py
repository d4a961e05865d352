"""What a speaker keeps over a power failure: documents, notes, receipts and parts of clips in SQLite, clips as files."""

import os
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.wire.clips import sha256
from broadcaster.wire.documents import Class, Event, Receipt
from broadcaster.wire.keys import SigningKey
from device_sim.actions import (
    Action,
    AssembleClip,
    CountDropped,
    ForgetClip,
    ForgetDocument,
    ForgetNotes,
    ForgetReceipts,
    KeepDocument,
    KeepManifest,
    KeepNote,
    KeepReceipt,
    KeepSegment,
    KeepStopped,
)
from device_sim.journal import Journal
from device_sim.machine import Memory

_MANIFEST: Final = -1
"""The number under which a manifest lies among the parts of its clip."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS own (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS document (topic TEXT PRIMARY KEY, envelope BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS note (broadcast TEXT, event TEXT, until INTEGER NOT NULL, PRIMARY KEY (broadcast, event));
CREATE TABLE IF NOT EXISTS receipt (id TEXT PRIMARY KEY, count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS part (clip TEXT, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (clip, number));
"""


class Store:
    """The store of one speaker, in one folder that only its owner can read.

    Args:
        durable: what was kept survives a power cut; without it, for simulations, only the end of the process.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self._clips = folder / "clips"
        self._clips.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._database = sqlite3.connect(folder / "speaker.db", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._database.executescript(_TABLES)
        for aside in self._clips.glob("*.aside"):
            aside.unlink()

    def close(self) -> None:
        """Close the files."""
        self._database.close()

    def _own(self, name: str, first: bytes) -> bytes:
        """A value of this speaker's own, made the first time it is asked for."""
        self._database.execute("INSERT OR IGNORE INTO own VALUES (?, ?)", (name, first))
        found: tuple[bytes] = self._database.execute("SELECT value FROM own WHERE name = ?", (name,)).fetchone()
        return found[0]

    def value(self, name: str) -> bytes | None:
        """A value the adapter keeps for itself."""
        found = self._database.execute("SELECT value FROM own WHERE name = ?", (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def remember(self, name: str, value: bytes) -> None:
        """Keep a value of the adapter's own. Errors: sqlite3.Error."""
        self._database.execute("INSERT OR REPLACE INTO own VALUES (?, ?)", (name, value))

    def key(self) -> SigningKey:
        """The speaker's own key; it never leaves the box."""
        return SigningKey.from_bytes(self._own("key", Ed25519PrivateKey.generate().private_bytes_raw()))

    def count_boot(self) -> int:
        """Count one more start; returns how many there have been."""
        count = int(self._own("boots", b"0")) + 1
        self._database.execute("UPDATE own SET value = ? WHERE name = 'boots'", (str(count).encode(),))
        return count

    def recall(self) -> Memory:
        """Everything that was kept."""
        journal = Journal(secrets.token_hex(6))
        for broadcast, event, until in self._database.execute("SELECT broadcast, event, until FROM note"):
            journal.notes.setdefault(broadcast, {})[Event(event)] = until
        for count, body in self._database.execute("SELECT count, body FROM receipt ORDER BY count"):
            receipt = msgspec.json.decode(body, type=Receipt)
            journal.waiting[receipt.id] = receipt
            journal.count = count
        journal.dropped = int(self.value("dropped") or b"0")
        journal.stopped = msgspec.json.decode(self.value("stopped") or b"{}", type=dict[str, frozenset[Class]])
        documents = dict(self._database.execute("SELECT topic, envelope FROM document"))
        clips = {path.stem: path.stat().st_size for path in sorted(self._clips.glob("*.opus"))}
        self._database.executemany("DELETE FROM part WHERE clip = ?", [(clip,) for clip in clips])
        parts: dict[str, tuple[bytes, frozenset[int]]] = {}
        for clip, manifest in self._database.execute("SELECT clip, data FROM part WHERE number = ?", (_MANIFEST,)):
            numbers = self._database.execute("SELECT number FROM part WHERE clip = ? AND number >= 0", (clip,))
            parts[clip] = (manifest, frozenset(number for (number,) in numbers))
        return Memory(journal, documents, clips, parts)

    def keep(self, actions: Iterable[Action]) -> None:
        """Carry out, in one transaction, the actions that concern the store. Errors: sqlite3.Error, OSError."""
        concerned = [(action, statement) for action in actions if (statement := _statement(action))]
        if not concerned:
            return
        self._database.execute("BEGIN")
        with self._database:  # commits, or rolls back
            for action, statement in concerned:
                self._database.execute(*statement)
                if isinstance(action, ForgetReceipts):
                    self._database.executemany("DELETE FROM receipt WHERE id = ?", [(name,) for name in action.ids])
                elif isinstance(action, ForgetClip):
                    self.clip_path(action.clip).unlink(missing_ok=True)

    def clip_path(self, clip: str) -> Path:
        """Where a whole clip lies."""
        return self._clips / f"{clip}.opus"

    def assemble(self, order: AssembleClip) -> int | None:
        """Join the parts of a clip into its file. Returns its size, or None when the result is not the clip.

        Errors: sqlite3.Error, OSError.
        """
        rows = self._database.execute(
            "SELECT data FROM part WHERE clip = ? AND number >= 0 ORDER BY number", (order.clip,)
        )
        data = b"".join(part for (part,) in rows)
        whole = sha256(data) == order.clip
        if whole:
            aside = self.clip_path(order.clip).with_suffix(".aside")
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.clip_path(order.clip))
        self._database.execute("DELETE FROM part WHERE clip = ? AND (? OR number >= 0)", (order.clip, whole))
        return len(data) if whole else None


def _statement(action: Action) -> tuple[str, tuple[object, ...]] | None:  # noqa: C901, PLR0911  a table, a row each
    """The SQL of an action that concerns the store."""
    match action:
        case KeepDocument(topic, envelope):
            return "INSERT OR REPLACE INTO document VALUES (?, ?)", (topic, envelope)
        case ForgetDocument(topic):
            return "DELETE FROM document WHERE topic = ?", (topic,)
        case KeepManifest(clip, data):
            return "INSERT OR REPLACE INTO part VALUES (?, ?, ?)", (clip, _MANIFEST, data)
        case KeepSegment(clip, number, data):
            return "INSERT OR REPLACE INTO part VALUES (?, ?, ?)", (clip, number, data)
        case ForgetClip(clip):
            return "DELETE FROM part WHERE clip = ?", (clip,)
        case KeepNote(broadcast, event, until):
            return "INSERT OR REPLACE INTO note VALUES (?, ?, ?)", (broadcast, event.value, until)
        case ForgetNotes(before):
            return "DELETE FROM note WHERE until < ?", (before,)
        case KeepReceipt(receipt):
            count = int(receipt.id.rpartition("-")[2])
            return "INSERT OR REPLACE INTO receipt VALUES (?, ?, ?)", (
                receipt.id,
                count,
                msgspec.json.encode(receipt),
            )
        case KeepStopped(stopped):
            return "INSERT OR REPLACE INTO own VALUES ('stopped', ?)", (msgspec.json.encode(stopped),)
        case CountDropped(total):
            return "INSERT OR REPLACE INTO own VALUES ('dropped', ?)", (str(total).encode(),)
        case ForgetReceipts():
            return "SELECT 1", ()
        case _:
            return None
