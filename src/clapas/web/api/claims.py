"""Zero-touch: claim codes for new devices, and the door by which a device lets itself in."""

import base64
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import normalise_device
from clapas.fleet.models import model_named
from clapas.store.fleet_claims import Claim, Entry, NewClaim
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.devices import Token
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

Short = Annotated[str, msgspec.Meta(max_length=200)]


class ClaimIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a code lets in: a named device, or any ``uses`` new ones; 'proposed' waits for approval.

    ``model``: its id, or the label that people read.
    """

    label: Short = ""
    device: Annotated[str, msgspec.Meta(max_length=128)] = ""
    model: Short = ""
    source: Short = "mqtt_device"
    lifecycle: Entry = "proposed"
    tags: Annotated[dict[str, Short], msgspec.Meta(max_length=20)] = {}
    uses: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    expires: datetime


class ClaimMade(msgspec.Struct, frozen=True, kw_only=True):
    """A code, told this once."""

    id: int
    code: str


class Redeeming(msgspec.Struct, frozen=True, kw_only=True):
    """A device shows a code; or a certificate (PEM) with its signature (base 64) of ``moment``."""

    device: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    code: Annotated[str, msgspec.Meta(max_length=60)] = ""
    certificate: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    moment: datetime | None = None
    signature: Annotated[str, msgspec.Meta(max_length=2000)] = ""


@get("/api/v1/claims", tags=["fleet"], opt=asks("administer", "device"), summary="Claim codes")
async def claims(
    request: Call, after: FromQuery[str | None] = None, limit: FromQuery[int] = 50
) -> Response[Listed[Claim]]:
    """Claim codes with how often each was used; the codes themselves are not kept."""
    page = await services_of(request).store.claims.page(after=after, limit=page_size(limit))
    return listing(request, page.items, after=page.next)


@post("/api/v1/claims", tags=["fleet"], opt=asks("administer", "device"), summary="Make a code")
async def make(request: Call, data: JSONBody[ClaimIn]) -> ClaimMade:
    """A claim code, told this once: printed on the device, or given to its installer."""
    services = services_of(request)
    model = (await model_named(services.store, data.model)).id if data.model else ""
    if data.expires.tzinfo is None:
        raise InvalidInput("a moment needs a zone", field="expires")
    device = normalise_device(data.device)
    values = msgspec.structs.asdict(data) | {"device": device, "model": model}
    number, code = await services.identity.claims.make(NewClaim(**values), actor=request.user.id)
    return ClaimMade(id=number, code=code)


@delete("/api/v1/claims/{number:int}", tags=["fleet"], opt=asks("administer", "device"))
async def revoke(request: Call, number: FromPath[int]) -> None:
    """The code serves no more; the tokens that it gave live on, and are revoked by device."""
    await services_of(request).store.claims.revoke(number)


@post(
    "/api/v1/claims/redeem",
    status_code=200,
    tags=["fleet"],
    opt=asks("read", "entrance", csrf=False),
    summary="A device lets itself in",
)
async def redeem(request: Call, data: JSONBody[Redeeming]) -> Token:
    """Exchange a claim code or a maker's certificate for the device's own credential, told once."""
    identity = services_of(request).identity
    if data.certificate and data.moment is not None and data.moment.tzinfo is not None:
        key = await identity.claims.by_certificate(
            data.certificate,
            device=data.device,
            moment=data.moment,
            signature=_octets(data.signature),
        )
    elif data.certificate:
        raise InvalidInput("a certificate comes with a moment in a zone", field="moment")
    else:
        key = await identity.claims.by_code(data.code, data.device)
    secret = await identity.devices.issue(key)
    grant = identity.devices.grant(key)
    return Token(
        username=key,
        token=secret,
        publish=list(grant.publish) if grant else [],
        subscribe=list(grant.subscribe) if grant else [],
    )


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput("the signature is not base 64", field="signature") from error


HANDLERS = (claims, make, revoke, redeem)
