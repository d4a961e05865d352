"""gTTS against a stub of its service that misbehaves in every way the real one was seen to."""

import base64
import io
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tts import engines
from tts.engine import EngineUnavailableError, UnspeakableTextError
from tts.voice import VOICES

VOICE = VOICES["online"]
Answer = Callable[[BaseHTTPRequestHandler], None]


def mp3(seconds: float) -> bytes:
    file = io.BytesIO()
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(round(24_000 * seconds)) / 24_000)).astype(np.int16)
    soundfile.write(file, tone, 24_000, format="MP3")
    return file.getvalue()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def line(sound: bytes) -> bytes:
    return b'[["wrb.fr","jQ1olc","[\\"' + base64.b64encode(sound) + b'\\"]",null]]\n'


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte now and then: no single read times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while True:
        try:
            handler.wfile.write(b"x")
            time.sleep(0.1)
        except OSError:
            return


@contextmanager
def service(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[int]]]:
    """The stub's address and what it was asked, by length."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://localhost:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()


def speak(address: str, sentence: str = "xin chào bà con", deadline_s: float = 20.0) -> int:
    engine = engines.google(address, deadline_s)
    try:
        pcm = engine.speak(sentence, VOICE, 140)
        assert pcm.rate == 24_000
        return pcm.samples.size
    finally:
        engine.close()


def test_a_sentence_is_fetched_in_parts_and_becomes_one_sound() -> None:
    sound = mp3(1.0)
    with service(lambda handler: reply(handler, line(sound))) as (address, asked):
        heard = speak(address, "kính mời bà con thôn đông, " * 7)
    assert len(asked) > 1
    assert heard > 24_000 * 0.9 * len(asked)


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: reply(handler, b")]}'\n\n[]\n"),
        lambda handler: reply(handler, line(b"<html>this is no sound</html>" * 50)),
        lambda handler: reply(handler, line(mp3(0.05))),
        lambda handler: reply(handler, b'["jQ1olc",null]\n'),
        lambda handler: reply(handler, b"sorry", 429),
        lambda handler: reply(handler, b"", 503),
    ],
    ids=["200 without sound", "undecodable", "too short", "no audio in the answer", "too many requests", "down"],
)
def test_an_answer_without_speech_is_a_failure_never_a_silent_clip(
    answer: Answer, capfd: pytest.CaptureFixture[str]
) -> None:
    with service(answer) as (address, _), pytest.raises((EngineUnavailableError, UnspeakableTextError)) as caught:
        speak(address)
    assert isinstance(caught.value, EngineUnavailableError)
    capfd.readouterr()


def test_a_service_that_drips_is_ended_at_the_overall_deadline() -> None:
    with service(drip) as (address, _), pytest.raises(EngineUnavailableError):
        speak(address, deadline_s=3.0)


def test_a_service_with_a_foreign_certificate_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    sound = mp3(1.0)
    with service(lambda handler: reply(handler, line(sound)), tls) as (address, asked):
        with pytest.raises(EngineUnavailableError):
            speak(address)
        assert asked == []
    assert "CERTIFICATE_VERIFY_FAILED" in capfd.readouterr().err
