"""TLS before a PostgreSQL that has none: answers the request for it, shows a certificate, and passes on what follows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WANTS_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
HANDSHAKE = b"\x16"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: the authority, a server for `localhost` and 127.0.0.1, another name's, and a client, each with its key."""

    authority: Path
    server: Path
    other_name: Path
    client: Path


def certificates(folder: Path) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _signed("Authority of the tests", key, None, key, ())
    made = {"authority": _written(folder / "authority.pem", authority, key)}
    for name, hosts in (("server", ("localhost", "127.0.0.1")), ("other_name", ("elsewhere.test",)), ("client", ())):
        own = ec.generate_private_key(ec.SECP256R1())
        made[name] = _written(folder / f"{name}.pem", _signed(name, own, authority, key, hosts), own)
    return Certificates(**made)


def _signed(
    name: str,
    own: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    by: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(issuer.subject if issuer else subject, subject, own.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
    made = made.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    if hosts:
        names = [x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(by, hashes.SHA256())


def _written(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path


@asynccontextmanager
async def tls_before(
    host: str, port: int, certificate: Path, *, authority: Path | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """Its port, and how each connection came: `plain`, `asked`, `direct`. With an authority clients must show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority)
    came: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                first = await reader.readexactly(8)
                came.append("asked" if first == WANTS_TLS else "plain")
                up_reader, up_writer = await asyncio.open_connection(host, port)
                writers.append(up_writer)
                if first == WANTS_TLS:
                    writer.write(b"S")
                    await writer.start_tls(context)
                else:
                    up_writer.write(first)
                await asyncio.gather(_pass(reader, up_writer), _pass(up_reader, writer))
        finally:
            for one in writers:
                one.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
