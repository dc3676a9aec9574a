"""Telegrams heard by gateways: one by one, in arrays, twice over, encrypted, damaged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.message import RawMessage
from clapas.sources import discover, for_topic
from clapas.sources.errors import Malformed
from clapas.sources.wmbus import CONNECTOR, EXAMPLES, parse, split

FRAME = "1e44ee4d785634123c067a8f0000000c1348550000426c7f2c4c1300500000"
LOCKED = "1e44ee4d785634123c067a900010050c1348550000426c7f2c4c1300500000"
RECEIVED = 1_579_068_000_000


def heard(body: str | bytes, topic: str = "/in/wmbus", received: int = RECEIVED) -> RawMessage:
    payload = body.encode() if isinstance(body, str) else body
    return RawMessage("wmbus", topic, received, payload, "k")


def test_the_door_is_found_by_its_name_and_its_topic() -> None:
    assert discover()["wmbus"] is CONNECTOR
    assert for_topic("wmbus/toit/telegram") is CONNECTOR


def test_the_index_of_the_end_of_the_month_comes_with_its_own_time() -> None:
    (told,) = parse(heard(FRAME))
    past, now = told.values
    assert (told.device, past.value, now.value) == ("12345678", 5.0, 5.548)
    assert past.measured is not None
    assert past.measured.isoformat() == "2019-12-30T23:00:00+00:00"
    (elsewhere,) = parse(heard(FRAME, "/in/wmbus?timezone=UTC"))
    assert elsewhere.values[0].measured is not None
    assert elsewhere.values[0].measured.isoformat() == "2019-12-31T00:00:00+00:00"


def test_two_gateways_that_hear_one_telegram_give_it_one_name() -> None:
    first, second = (parse(each.message)[0] for each in EXAMPLES)
    assert first.message_id == second.message_id


def test_an_encrypted_telegram_among_others_is_one_reject() -> None:
    body = json.dumps([{"telegram": FRAME, "rssi": -88.5}, {"telegram": LOCKED}])
    good, locked = split(heard(body))
    assert parse(good)[0].radio[0].rssi == -88.5
    assert (good.idempotency, locked.idempotency) == ("k#0", "k#1")
    with pytest.raises(Malformed, match="encrypted"):
        parse(locked)
    assert len(split(heard(f"{FRAME}\n{FRAME}\n"))) == 2


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_and_none_is_lost(body: bytes) -> None:
    for part in split(heard(body)):
        try:
            parse(part)
        except InvalidInput:
            continue
