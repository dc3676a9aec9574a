"""The Basics Station door: TLS, a token or a certificate for each gateway, and never a remote shell."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from clapas.domain.errors import BadSetting
from clapas.lorawan.devices import MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings

EUI = "0016c001f153a14c"


async def log(_message: object) -> int:
    return 1


def usage(*, signs: bool) -> x509.KeyUsage:
    """What a key may do (RFC 5280, 4.2.1.3): an authority signs certificates, the others sign."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def certificate(folder: Path, name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """A key and a certificate, as PEM files too; self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(usage(signs=issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer[1].public_key() if issuer else key.public_key()
            ),
            critical=False,
        )
        .sign(issuer[0] if issuer else key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return key, built


@contextmanager
def certificates(folder: Path) -> Iterator[Settings]:
    """An authority, the server's certificate and two gateways' certificates."""
    authority = certificate(folder, "authority")
    for name in ("server", EUI, "1111111111111111"):
        certificate(folder, name, authority)
    yield Settings(
        udp_port=-1,
        station_port=0,
        station_certificate=str(folder / "server.pem"),
        station_key=str(folder / "server.key"),
        station_client_ca=str(folder / "authority.pem"),
    )


def client(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


async def test_only_its_own_certificate_opens_a_gateways_path(tmp_path: Path) -> None:
    with certificates(tmp_path) as settings:
        async with LorawanServer.open(
            settings, tmp_path / "state", publish=log, devices=MemoryDevices()
        ) as server:
            assert server.station is not None
            url = f"wss://localhost:{server.station.port}/router/{EUI}"
            with pytest.raises(InvalidHandshake):
                async with connect(url, ssl=client(tmp_path, "1111111111111111")):
                    pass
            async with connect(url, ssl=client(tmp_path, EUI)) as connection:
                await connection.send('{"msgtype":"version","protocol":2}')
                config = json.loads(await connection.recv())
            assert config["region"] == "EU863"
            assert len(config["DRs"]) == 16
            assert config["sx1301_conf"][0]["radio_0"]["freq"] == 867_500_000
            assert config["sx1301_conf"][0]["radio_1"]["freq"] == 868_500_000
            assert server.figures()["rejected"] == {"unauthorised": 1}


async def test_a_remote_shell_is_never_opened_and_rubbish_is_counted(tmp_path: Path) -> None:
    settings = Settings(udp_port=-1, station_port=0, station_tokens={EUI: "right"})
    async with LorawanServer.open(
        settings, tmp_path, publish=log, devices=MemoryDevices()
    ) as server:
        assert server.station is not None
        url = f"ws://127.0.0.1:{server.station.port}/router/{EUI}"
        with pytest.raises(InvalidHandshake):
            async with connect(url, additional_headers={"Authorization": "wrong"}):
                pass
        with pytest.raises(InvalidHandshake):
            async with connect(f"ws://127.0.0.1:{server.station.port}/elsewhere"):
                pass
        async with connect(url, additional_headers={"Authorization": "right"}) as connection:
            for message in (
                '{"msgtype":"rmtsh","start":1}',
                "nonsense",
                '{"msgtype":"updf","DR":99}',
            ):
                await connection.send(message)
            await connection.send(b"\x00shell bytes")
            await connection.send('{"msgtype":"timesync","txtime":7}')
            answer = json.loads(await connection.recv())
        assert answer["txtime"] == 7
        assert answer["gpstime"] > 1_400_000_000_000_000
        refused = server.figures()["rejected"]
        assert refused == {"unauthorised": 1, "remote_shell": 2, "malformed_packet": 2}


async def test_client_certificates_without_tls_are_a_setting_to_mend(tmp_path: Path) -> None:
    settings = Settings(udp_port=-1, station_port=0, station_client_ca="ca.pem")
    with pytest.raises(BadSetting):
        async with LorawanServer.open(settings, tmp_path, publish=log, devices=MemoryDevices()):
            pass
