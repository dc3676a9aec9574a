"""A pack's story, told without a platform: this message becomes this observation and raises this alarm."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.errors import ClapasError
from clapas.domain.message import RawMessage
from clapas.domain.quantities import QUANTITIES
from clapas.rules.book import Book
from clapas.rules.track import Track, seen, take
from clapas.sources import understand
from clapas.store.rules_values import SeriesFacts
from clapas.usecases.pack import Pack

RECEIVED = 1_767_225_600_000
WORKING_DAY = "2026-01-06T08:00:00Z"
"""A Tuesday."""
QUARTER_MS = 900_000
QUARTERS = 32
ZONE = ZoneInfo("Europe/Paris")


def wrong_in(pack: Pack) -> list[str]:
    """What is wrong with the pack beyond its form, a sentence each: words, what was checked, the story."""
    found = [
        f"no words in both languages for {name}" for name, text in _texts(pack) if not _both(text)
    ]
    found += [
        f"quality.toml: {rule} is neither 'done' nor 'exempt: why'"
        for rule, verdict in pack.quality.get("rules", {}).items()
        if verdict != "done" and not verdict.startswith("exempt: ")
    ]
    return found + _unwatched(pack) + (_untrue(pack) if pack.story else ["no story.json"])


def _texts(pack: Pack) -> list[tuple[str, Any]]:
    texts = [("title", pack.title), ("page.question", pack.page.question)]
    texts += [
        ("dataset.title", pack.dataset.title),
        ("dataset.description", pack.dataset.description),
    ]
    for each in pack.indicators:
        texts += [(f"{each.id}.title", each.title), (f"{each.id}.method", each.method)]
    return texts


def _unwatched(pack: Pack) -> list[str]:
    """Rules that aim at nothing that the trade has."""
    names = {each.ngsi for each in QUANTITIES.values()}
    found = []
    for rule in pack.rules:
        type_, attribute = rule.target.type, rule.target.attribute
        if attribute and attribute not in names:
            found.append(f"rules.json: {rule.id}: no quantity has the NGSI-LD name {attribute!r}")
        if type_ and type_ not in pack.types:
            found.append(f"rules.json: {rule.id}: {type_} is no type of the pack")
    return found


def _both(text: Any) -> bool:
    return bool(text.fr.strip() and text.en.strip())


def _untrue(pack: Pack) -> list[str]:
    """What the story says and is not so."""
    try:
        observed, binding = observation(pack), pack.story["binding"]
        alarms = raised(pack, binding, value=observed)
        told, alarm = float(pack.story["observation"]), pack.story["alarm"]
        pack.indicator(pack.story["row"]["indicator"])
    except KeyError as error:
        return [f"story.json: nothing says {error}: see docs/add-a-trade.md, 4"]
    except (TypeError, ValueError, ClapasError) as error:
        return [f"story.json: {type(error).__name__}: {error}"]
    found = []
    if abs(observed - told) > 1e-6 * max(1.0, abs(told)):
        found.append(f"story.json: the message becomes {observed}, not {told}")
    if alarm not in alarms:
        found.append(f"story.json: it raises {sorted(alarms) or 'nothing'}, not {alarm}")
    if binding["entity"].split(":")[2] not in pack.types:
        found.append(f"story.json: {binding['entity']} is of no type of the pack")
    return found


def observation(pack: Pack) -> float:
    """What the story's message becomes, in the quantity's unit; raises KeyError, ValueError, ClapasError."""
    message, binding = pack.story["message"], pack.story["binding"]
    body = msgspec.json.encode(message["body"])
    values = [
        each.value
        for uplink in understand(RawMessage(message["source"], message["topic"], RECEIVED, body))
        for each in uplink.values
        if each.channel == binding["channel"]
    ]
    if not values or not isinstance(values[0], int | float):
        raise ValueError(f"the message has no number in the channel {binding['channel']!r}")
    return float(values[0]) * float(binding["scale"])


def raised(pack: Pack, binding: dict[str, Any], *, value: float) -> set[str]:
    """The alarms that the value raises when it is held for eight hours, every quarter of an hour, from ``from`` on."""
    entity = binding["entity"]
    facts = SeriesFacts(
        1, entity, binding["attribute"], binding["quantity"], entity.split(":")[2], "", "", {}, (), 900, None, None, (),
        pack.record,
    )  # fmt: skip
    book = Book(ZONE)
    book.replace(pack.rules)
    rules, track = book.ready(facts), Track()
    book.align(rules, track)
    began = datetime.fromisoformat(pack.story.get("from", WORKING_DAY)).astimezone(UTC)
    start = int(began.timestamp() * 1000)
    for n in range(QUARTERS):
        take(rules, track, at=start + n * QUARTER_MS, value=value)
    end = start + (QUARTERS - 1) * QUARTER_MS
    states = zip(rules, track.states, strict=True)
    return {rule.rule for rule, state in states if seen(rule, state.now, clock=end).count}
