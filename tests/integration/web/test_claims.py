"""Zero-touch: a device that nobody typed in lets itself in by a code or by its maker's certificate."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.integration.web.conftest import Visitor

from clapas.web.services import Services

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=30)).isoformat()


async def a_code(operator: Visitor, **more: object) -> str:
    made = await operator.call("POST", "/api/v1/claims", json={"expires": SOON, **more})
    assert made.status_code == 201, made.text
    return str(made.json()["code"])


async def test_a_code_lets_new_devices_in_to_quarantine(
    services: Services, operator: Visitor, stranger: Visitor, reader: Visitor
) -> None:
    code = await a_code(operator, uses=2, tags={"lot": "2026-A"}, label="Lot A")
    body = {"device": "probe-1", "code": code.lower().replace("0", "o")}
    answer = await stranger.call("POST", "/api/v1/claims/redeem", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["username"], answer.json()["publish"][0]) == ("probe-1", "up/probe-1")
    device = (await services.store.registry.device("probe-1")).device
    assert (device.lifecycle, device.tags, device.source) == (
        "proposed",
        {"lot": "2026-A"},
        "mqtt_device",
    )
    token = {"Authorization": f"Bearer {answer.json()['token']}"}
    sent = await stranger.call(
        "POST", "/api/v1/uplinks", json={"device": "probe-1", "values": {"t": 1}}, headers=token
    )
    assert sent.status_code == 202, sent.text

    again = await stranger.call("POST", "/api/v1/claims/redeem", json=body)
    assert again.status_code == 200
    for key, reason in (("probe-2", ""), ("probe-3", "used_up")):
        other = await stranger.call(
            "POST", "/api/v1/claims/redeem", json={"device": key, "code": code}
        )
        assert other.json().get("values", {}).get("reason", "") == reason
    [listed] = (await operator.call("GET", "/api/v1/claims")).json()["items"]
    assert (listed["label"], listed["used"], listed["uses"]) == ("Lot A", 2, 2)
    assert code not in str(listed)
    assert (await reader.call("GET", "/api/v1/claims")).status_code == 403
    assert (await operator.call("DELETE", f"/api/v1/claims/{listed['id']}")).status_code == 204
    gone = await stranger.call("POST", "/api/v1/claims/redeem", json=body)
    assert (gone.status_code, gone.json()["values"]["reason"]) == (401, "unknown")


async def test_a_code_is_the_password_of_an_mqtt_device(
    services: Services, operator: Visitor
) -> None:
    code = await a_code(operator, device="70-B3-D5-7E-D0-00-00-01", lifecycle="active")
    identity = services.identity
    granted = await identity.authorize_mqtt("70B3D57ED0000001", code, client_id="a")
    assert granted is not None
    assert granted.publish[0] == "up/70b3d57ed0000001"
    assert await identity.authorize_mqtt("70B3D57ED0000001", code, client_id="b") is not None
    assert await identity.authorize_mqtt("70B3D57ED0000002", code, client_id="c") is None
    wrong = code[:-1] + ("y" if code.endswith(("x", "X")) else "x")
    assert await identity.authorize_mqtt("70b3d57ed0000001", wrong, client_id="d") is None
    assert (await services.store.registry.device("70b3d57ed0000001")).device.lifecycle == "active"


async def test_a_code_for_anybody_does_not_speak_for_a_known_device(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    code = await a_code(operator, uses=10)
    await operator.call("POST", "/api/v1/devices", json={"key": "known"})
    answer = await stranger.call(
        "POST", "/api/v1/claims/redeem", json={"device": "known", "code": code}
    )
    assert (answer.status_code, answer.json()["values"]["reason"]) == (401, "exists")


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires": "2020-01-01T00:00:00Z"},
        {"uses": 5, "device": "a"},
        {"uses": 0},
        {"model": "none"},
    ],
)
async def test_a_code_that_makes_no_sense_is_refused(
    operator: Visitor, wrong: dict[str, object]
) -> None:
    answer = await operator.call("POST", "/api/v1/claims", json={"expires": SOON, **wrong})
    assert answer.status_code in {400, 404, 422}


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .sign(signer, SHA256())
    )


async def test_a_maker_s_certificate_lets_its_device_in(
    services: Services, stranger: Visitor, tmp_path: Path
) -> None:
    maker, device = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate("Acme", maker, "Acme", maker)
    leaf = certificate("probe-9", device, "Acme", maker)
    path = tmp_path / "makers.pem"
    path.write_bytes(authority.public_bytes(Encoding.PEM))
    claims = services.identity.claims
    claims._settings = msgspec.structs.replace(claims._settings, device_authorities=str(path))

    def body(key: str, signer: ec.EllipticCurvePrivateKey, age_s: int = 0) -> dict[str, str]:
        moment = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
        said = f"clapas-claim\n{key}\n{moment}".encode()
        signature = base64.b64encode(signer.sign(said, ec.ECDSA(SHA256()))).decode()
        pem = leaf.public_bytes(Encoding.PEM).decode()
        return {"device": key, "certificate": pem, "moment": moment, "signature": signature}

    for wrong, reason in (
        (body("probe-8", device), "other_device"),
        (body("probe-9", maker), "signature"),
        (body("probe-9", device, age_s=900), "stale"),
    ):
        refused = await stranger.call("POST", "/api/v1/claims/redeem", json=wrong)
        assert (refused.status_code, refused.json()["values"]["reason"]) == (401, reason)
    accented = body("probe-9", device) | {"signature": "é"}
    refused = await stranger.call("POST", "/api/v1/claims/redeem", json=accented)
    assert (refused.status_code, refused.json()["values"]["field"]) == (400, "signature")
    answer = await stranger.call("POST", "/api/v1/claims/redeem", json=body("probe-9", device))
    assert answer.status_code == 200, answer.text
    assert (await services.store.registry.device("probe-9")).device.lifecycle == "proposed"
    path.write_bytes(certificate("Other", maker, "Other", maker).public_bytes(Encoding.PEM))
    foreign = await stranger.call("POST", "/api/v1/claims/redeem", json=body("probe-9", device))
    assert foreign.json()["values"]["reason"] == "unknown"
