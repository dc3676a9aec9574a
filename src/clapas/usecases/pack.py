"""A trade pack: a folder that brings a trade, as values read from its files.

    pack.toml       name, version, titles, types, limits, indicators, page, dataset
    rules.json      alarm rules, in the form of the room ``rules``
    story.json      an uplink, the observation it becomes, the alarm it raises, the row of the report
    quality.toml    what was checked and by which numbers
    report.typ      the printed report; without it the common one is used

A pack is data: adding one runs no code of its author. See docs/add-a-trade.md.
"""

import re
import tomllib
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from clapas.domain.dataset import FREQUENCIES, THEMES, Keep, Purpose
from clapas.domain.errors import InvalidInput
from clapas.domain.quantities import QUANTITIES
from clapas.rules.check import check
from clapas.rules.errors import ImpossibleRule
from clapas.rules.model import Rule, Silence
from clapas.store.indicators import checked
from clapas.usecases.errors import BadPack
from clapas.usecases.formula import names_in
from clapas.usecases.limits import Limit, Resolved, Text, resolve

NAME = re.compile(r"^[a-z][a-z0-9_]{1,31}$")
MAX_FILE = 1_000_000
MAX_DAYS = 400
COLOURS = ("watch_above", "alert_above", "watch_below", "alert_below")
FILES = ("pack.toml", "rules.json", "story.json", "quality.toml", "report.typ")

Kind = Literal[
    "mean", "min", "max", "percentile", "latest", "count", "share_above", "share_below", "share_between",
    "share_outside", "hours_above", "largest_swing", "outside_en15757", "still_hours", "falls_a_day", "sql", "formula",
]  # fmt: skip
Origin = Literal["own", "wheel", "installed"]


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure of an entity over a period; every figure says its method, capture and quality.

    ``low`` and ``high`` are numbers or names of limits, in the quantity's own unit; ``expression`` combines
    other indicators of the pack (``formula``). ``watch_above``, ``alert_above`` (or below), in the unit shown or the
    name of a limit, colour the figure.
    """

    id: str
    title: Text
    method: Text
    kind: Kind
    quantity: str = ""
    low: float | str | None = None
    high: float | str | None = None
    percent: float = 50.0
    expression: str = ""
    sql: str = ""
    """An aggregate over the history, such as ``countIf(value < 1) / count()``: see store/indicators.py."""
    unit: str = ""
    scale: float = 1.0
    decimals: int = 1
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """Civil days that count, 1 Monday … 7 Sunday."""
    hours: tuple[str, str] = ("00:00", "24:00")
    watch_above: float | str | None = None
    alert_above: float | str | None = None
    watch_below: float | str | None = None
    alert_below: float | str | None = None
    hidden: bool = False
    """Used by a formula only."""


class Derived(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quantity that some sources do not send: ``total`` minus ``minus``, never below 0."""

    quantity: str
    total: str
    minus: str


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the trade's page shows: its first question, and the figures in their order."""

    question: Text
    headline: str
    columns: tuple[str, ...] = ()
    period_days: int = 30
    blocks: tuple[Literal["forecast", "climate"], ...] = ()
    """What else the page shows, of what the platform can draw: see docs/add-a-trade.md."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record under which the trade's figures may be published."""

    title: Text
    description: Text
    licence: str = "LO-2.0"
    theme: str = ""
    """What it is about and how often it grows, in the EU's own codes, for the public catalogue."""
    keywords: tuple[str, ...] = ()
    frequency: str = "UNKNOWN"
    classification: Literal["ouvert", "interne", "restreint", "personnel"] = "interne"
    owner: str = ""
    """The service that answers for it, as long as the territory names no other."""
    exception: Literal["", "privacy", "business_secret", "security", "third_party"] = ""
    """Why it is not open, when it is not (CRPA L311-5 and L311-6)."""
    subjects: tuple[str, ...] = ()
    """Whom personal data are about (GDPR art. 30.1.c)."""
    categories: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    """What they serve, proposed: the data protection officer confirms them in the record."""
    retention: tuple[Keep, ...] = ()
    """For how long each step is kept, proposed likewise."""


class Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trade, described."""

    name: str
    version: str
    title: Text
    types: tuple[str, ...]
    interval_s: int
    """How often a value is expected, for the capture rate."""
    min_capture: float = 0.75
    needs: tuple[str, ...] = ()
    """Quantities that an entity must have to be of this trade; empty: every entity of the types."""
    datasets: tuple[str, ...] = ()
    """Records whose entities are of this trade; empty: all that may be seen."""
    beside: tuple[str, ...] = ()
    """Words in the names of points that are shown to compare with, and never judged: the weather outside a room."""
    limits: dict[str, Limit] = {}
    derived: tuple[Derived, ...] = ()
    indicators: tuple[Indicator, ...]
    page: Page
    dataset: Dataset
    rules: tuple[Rule, ...] = ()
    """Alarm rules that the trade proposes; whoever runs the platform puts them in force."""
    named: dict[str, tuple[str, ...]] = {}
    """Rule → the limits that it names."""
    bare: tuple[str, ...] = ()
    """Numbers of its rules that name no limit, in words."""
    story: dict[str, Any] = {}
    quality: dict[str, Any] = {}
    origin: Origin = "own"
    folder: str = ""
    others: frozenset[str] = frozenset()
    """Records of the other trades that are on: said by discovery, never by the pack."""

    @property
    def record(self) -> str:
        """The id of its dataset's record (records know hyphens, packs underscores)."""
        return self.name.replace("_", "-")

    def indicator(self, name: str) -> Indicator:
        """The indicator of that id; raises :class:`BadPack`."""
        found = next((each for each in self.indicators if each.id == name), None)
        if found is None:
            raise BadPack(f"{self.name}: no indicator {name!r}", pack=self.name)
        return found

    @property
    def unsourced(self) -> tuple[str, ...]:
        """Numbers of rules and colours that say no source, in words."""
        colours = [
            f"{self.name}: {each.id}: {colour} {value!r} has no source: name a limit"
            for each in self.indicators
            for colour in COLOURS
            if isinstance(value := getattr(each, colour), float)
        ]
        return (*self.bare, *colours)

    def bound(self, value: float | str | None) -> float | None:
        """A bound of an indicator: the number, or the limit of that name."""
        return self.limits[value].value if isinstance(value, str) else value

    def colour(self, value: float | str | None) -> float | None:
        """From which figure shown a colour holds: the number, or the limit of that name as it is shown."""
        return self.limits[value].shown if isinstance(value, str) else value


def load(folder: Path, *, origin: Origin = "own") -> Pack:
    """Read and check a pack; raises :class:`BadPack` that names the file and what is wrong."""
    data = _toml(folder / "pack.toml")
    rules = _rules(folder, data)
    data |= {
        "rules": rules.rules,
        "named": rules.named,
        "bare": rules.bare,
        "story": _json(folder / "story.json", {}),
        "quality": _toml(folder / "quality.toml"),
        "origin": origin,
        "folder": str(folder),
        "others": frozenset(),
    }
    try:
        pack = msgspec.convert(data, Pack)
    except msgspec.ValidationError as error:
        raise BadPack(
            f"{folder.name}/pack.toml or rules.json: {error}", pack=folder.name
        ) from error
    _check(pack)
    if not pack.beside:
        return pack
    return msgspec.structs.replace(pack, rules=tuple(_judging(each, pack) for each in pack.rules))


def _judging(rule: Rule, pack: Pack) -> Rule:
    """The rule without the points that the pack only compares with; their silence is still told."""
    if isinstance(rule.when, Silence):
        return rule
    target = msgspec.structs.replace(rule.target, beside=pack.beside)
    return msgspec.structs.replace(rule, target=target)


def _rules(folder: Path, data: dict[str, Any]) -> Resolved:
    limits, rules = data.get("limits", {}), _json(folder / "rules.json", [])
    if not isinstance(limits, dict) or not isinstance(rules, list):
        raise BadPack(f"{folder.name}: [limits] is a table, rules.json a list", pack=folder.name)
    return resolve(rules, limits, pack=folder.name)


def _read(path: Path, parse: Callable[[bytes], Any]) -> Any:
    if path.stat().st_size > MAX_FILE:
        raise BadPack(f"{path.name}: more than {MAX_FILE} bytes", pack=path.parent.name)
    try:
        return parse(path.read_bytes())
    except (ValueError, msgspec.DecodeError) as error:
        raise BadPack(f"{path.parent.name}/{path.name}: {error}", pack=path.parent.name) from error


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BadPack(f"{path.parent.name}: no {path.name}", pack=path.parent.name)
    found: dict[str, Any] = _read(path, lambda content: tomllib.loads(content.decode()))
    return found


def _json(path: Path, default: Any) -> Any:
    return _read(path, msgspec.json.decode) if path.is_file() else default


def _check(pack: Pack) -> None:
    """What the shape alone does not say."""

    def wrong(condition: bool, why: str) -> None:  # noqa: FBT001
        if condition:
            raise BadPack(f"{pack.name}: {why}", pack=pack.name)

    wrong(not NAME.match(pack.name), "a name is lower case letters, digits and _, 2 to 32")
    wrong(not pack.types, "a pack names at least one entity type")
    wrong(pack.interval_s <= 0, "interval_s is a positive number of seconds")
    days = pack.page.period_days
    wrong(not 1 <= days <= MAX_DAYS, f"page.period_days is 1 to {MAX_DAYS}")
    theme, frequency = pack.dataset.theme, pack.dataset.frequency
    wrong(
        bool(theme) and theme not in THEMES, f"dataset.theme {theme!r}: {' '.join(sorted(THEMES))}"
    )
    known_often = " ".join(sorted(FREQUENCIES))
    wrong(frequency not in FREQUENCIES, f"dataset.frequency {frequency!r}: {known_often}")
    derived = [name for each in pack.derived for name in (each.quantity, each.total, each.minus)]
    for quantity in (*pack.needs, *derived):
        wrong(quantity not in QUANTITIES, f"needs or derived: no quantity {quantity!r}")
    known = {each.id for each in pack.indicators}
    wrong(len(known) != len(pack.indicators), "two indicators bear the same id")
    for each in pack.indicators:
        _check_indicator(pack, each, known=known, wrong=wrong)
    for name in (pack.page.headline, *pack.page.columns):
        wrong(name not in known, f"the page shows {name!r}, which is no indicator")
    for rule in pack.rules:
        wrong(rule.trade != pack.name, f"the rule {rule.id!r} belongs to {rule.trade!r}")
        try:
            check(rule)
        except ImpossibleRule as error:
            raise BadPack(f"{pack.name}: the rule {rule.id!r}: {error}", pack=pack.name) from error


def _check_indicator(
    pack: Pack, each: Indicator, *, known: set[str], wrong: Callable[[bool, str], None]
) -> None:
    if each.kind == "formula":
        unknown = names_in(each.expression) - known
        wrong(bool(unknown), f"{each.id}: the formula names {sorted(unknown)}")
        wrong(each.id in names_in(each.expression), f"{each.id}: the formula names itself")
    else:
        wrong(each.quantity not in QUANTITIES, f"{each.id}: no quantity {each.quantity!r}")
    if each.kind == "sql":
        try:
            checked(each.sql)
        except InvalidInput as error:
            raise BadPack(f"{pack.name}: {each.id}: {error}", pack=pack.name) from error
    for bound in (each.low, each.high, *(getattr(each, colour) for colour in COLOURS)):
        wrong(isinstance(bound, str) and bound not in pack.limits, f"{each.id}: no limit {bound!r}")
    needs_high = each.kind in {"share_above", "hours_above", "share_between", "share_outside"}
    needs_low = each.kind in {"share_below", "share_between", "share_outside"}
    wrong(needs_high and each.high is None, f"{each.id}: needs 'high'")
    wrong(needs_low and each.low is None, f"{each.id}: needs 'low'")
    for hour in each.hours:
        wrong(clock(hour) is None, f"{each.id}: {hour!r} is no hour such as 08:30")


def clock(text: str) -> float | None:
    """'HH:MM' as seconds of the day (24:00 is the end), None when it is none."""
    if text == "24:00":
        return 86_400.0
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        return None
    return moment.hour * 3600.0 + moment.minute * 60.0
