"""What is wrong, at home: the worst first, and since when where it is known."""

from datetime import UTC, datetime

from clapas.pipeline.ledger import Ledger
from clapas.web.api.home import SourceOut, what_is_wrong
from clapas.web.services import EngineState

STOPPED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HEARD = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
LEDGER = Ledger(
    received=5, stored=5, duplicate=0, rejected=0, in_flight=0, lost=0, balanced=True,
    logs=(), by_source=(), checked_at=STOPPED,
)  # fmt: skip


def source(state: str, last: datetime | None) -> SourceOut:
    return SourceOut(
        name="chirpstack", kind="http", title="chirpstack", enabled=True, state=state,
        last_message=last, messages_24h=0, rejects_24h=2, detail="", settings={},
    )  # fmt: skip


def test_the_worst_comes_first_and_says_since_when() -> None:
    found = what_is_wrong(
        ledger=LEDGER,
        engines=[
            EngineState(name="nats", mode="embedded", ok=False, since=STOPPED),
            EngineState(name="postgres", mode="embedded", ok=True, since=STOPPED),
        ],
        sources=[source("late", HEARD)],
        silent=3,
    )
    assert [(each.kind, each.since) for each in found] == [
        ("engine", STOPPED),
        ("source", HEARD),
        ("rejects", None),
        ("silent", None),
    ]
    assert found[0].values["engine"] == "nats"


def test_a_source_that_waits_for_its_first_message_is_not_wrong() -> None:
    quiet = [source("waiting", None)]
    found = what_is_wrong(ledger=LEDGER, engines=[], sources=quiet, silent=0)
    assert [each.kind for each in found] == ["rejects"]
