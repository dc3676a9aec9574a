"""Who this broker is (clause 5.15; 6.32): its alias and since when it runs."""

from clapas.context.broker import Broker
from clapas.context.door.http import LD, Answer, Request
from clapas.context.federation.asking import alias_of
from clapas.context.model import moment, now_text


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve Context Source Identity Information (5.15.1)."""
    now = now_text()
    seconds = (moment(now) - moment(broker.started)).total_seconds()
    alias = alias_of(broker.alias, request.tenant)
    body = {
        "id": f"urn:ngsi-ld:ContextSourceIdentity:{alias}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": alias,
        "contextSourceUptime": f"PT{seconds:.0f}S",
        "contextSourceTimeAt": now,
    }
    if request.media == LD:
        body["@context"] = request.context.embedded
    return Answer(body=body)
