"""Short tokens for programs (RFC 6749 §4.4: client credentials), changed for a service key."""

import base64
from urllib.parse import parse_qsl, unquote

import msgspec
from litestar import Response, post

from clapas.domain.errors import InvalidInput, Unauthenticated
from clapas.web.api.session import address_of
from clapas.web.authentication import credential
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

GRANT = "client_credentials"


class TokenOut(msgspec.Struct, frozen=True, kw_only=True):
    """A token, for how many seconds (RFC 6749 §5.1)."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105


def _key_given(request: Call, form: dict[str, str]) -> str:
    """The service key: ``client_secret`` of the form, HTTP Basic's password, or the usual header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            said = base64.b64decode(value, validate=True).decode()
        except ValueError as error:
            raise Unauthenticated from error
        return unquote(said.partition(":")[2])
    return form.get("client_secret", "") or credential(request)


@post(
    "/api/v1/token",
    status_code=200,
    tags=["keys"],
    opt=asks("write", "session", csrf=False),
    summary="A short token for a key",
)
async def token(request: Call) -> Response[TokenOut]:
    """Change a service key for a token of ten minutes; a token is not changed for another."""
    body = (await request.body())[:20_000]
    form = dict(parse_qsl(body.decode("ascii", "replace"), max_num_fields=20))
    if form.get("grant_type", GRANT) != GRANT:
        raise InvalidInput("unsupported_grant_type", field="grant_type", accepted=[GRANT])
    identity = services_of(request).identity
    lockout, subject = identity.accounts.lockout, f"token from {address_of(request)}"
    await lockout.check(subject, address_of(request))
    holder = await identity.keys.holder(_key_given(request, form))
    if holder is None:
        await lockout.failed(subject, address_of(request))
        raise Unauthenticated("this key is unknown, expired or revoked")
    made = TokenOut(
        access_token=identity.tokens.make(holder[1].id), expires_in=identity.tokens.seconds
    )
    return Response(made, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


HANDLERS = (token,)
