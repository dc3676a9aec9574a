"""Who may connect to the broker: answers the server's authentication callouts.

NATS "auth callout": the server asks on ``$SYS.REQ.USER.AUTH`` with a signed JWT, and takes a user JWT
signed by the issuer's key in return. The decision itself is the ``authorise`` function that identity
gives; here is only the protocol. Anything unclear is refused.
"""

import base64
import json
import time
from hashlib import sha256
from typing import Any

import nkeys
from nats.aio.client import Client
from nats.aio.msg import Msg

from clapas.bus.port import Authorise, Grant

ACCOUNT = "CLAPAS"


def _segment(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if not isinstance(claims, dict):
        raise TypeError("a JWT body is an object")
    return claims


class Authority:
    """Signs what the server asks; ``seed`` is the issuer account's nkey seed."""

    def __init__(self, *, client: Client, seed: str, authorise: Authorise) -> None:
        self._client = client
        self._key = nkeys.from_seed(seed.encode())
        self._issuer = self._key.public_key.decode()
        self._authorise = authorise

    async def start(self) -> None:
        """Answer from now on; several nodes share the work."""
        await self._client.subscribe("$SYS.REQ.USER.AUTH", queue="authority", cb=self._answer)
        await self._client.flush()

    async def _answer(self, message: Msg) -> None:
        request = _claims(message.data.decode())["nats"]
        options = request.get("connect_opts", {})
        client = request.get("client_info", {})
        grant = await self._authorise(
            str(options.get("user", "")),
            str(options.get("pass", "")),
            str(client.get("mqtt_id", "")),
        )
        user, server = request["user_nkey"], request["server_id"]["id"]
        body: dict[str, Any] = {"type": "authorization_response", "version": 2}
        if grant is None:
            body["error"] = "refused"
        else:
            body["jwt"] = self._sign(
                {"sub": user, "aud": ACCOUNT, "name": grant.name}, _rights(grant)
            )
        await message.respond(self._sign({"sub": user, "aud": server}, body).encode())

    def _sign(self, claims: dict[str, Any], body: dict[str, Any]) -> str:
        full = {"iss": self._issuer, "iat": int(time.time()), **claims, "nats": body}
        full["jti"] = sha256(json.dumps(full, sort_keys=True).encode()).hexdigest()[:32]
        head = _segment(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
        signed = f"{head}.{_segment(json.dumps(full).encode())}"
        return f"{signed}.{_segment(self._key.sign(signed.encode()))}"


def _rights(grant: Grant) -> dict[str, Any]:
    return {
        "type": "user",
        "version": 2,
        "pub": {"allow": list(grant.publish)} if grant.publish else {"deny": [">"]},
        # The listener delivers QoS 1 subscriptions on this subject, which is private to the client.
        "sub": {"allow": ["$MQTT.sub.>", *grant.subscribe]},
        "subs": -1,
        "data": -1,
        "payload": -1,
    }
