"""One line of an import: a device, or what is wrong with it, cell by cell."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, get_args

import msgspec

from clapas.domain.device import Lifecycle
from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.fleet.columns import BY_NAME
from clapas.fleet.places import Box, place_of
from clapas.fleet.sealing import Sealer
from clapas.store.fleet_imports import Entry, Line
from clapas.store.text import searchable

FORMULA = re.compile(r"^(=|@|\+(?![\d.,]|$)|-(?![\d.,]|$)|\t|\r)")
POWER = re.compile(r"^\d[.,]\d+E\+\d+$", re.IGNORECASE)
"""What a spreadsheet makes of an id of digits: '1,88E+13'."""
HEX = re.compile(r"^[0-9a-f]*$")
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S")
STEPS = {
    **{each: each for each in get_args(Lifecycle)},
    "a installer": "to_install", "to install": "to_install", "en stock": "stock", "actif": "active",
    "active": "active", "en service": "active", "installe": "active", "maintenance": "maintenance",
    "en panne": "maintenance", "retire": "retired", "depose": "retired", "hors service": "retired",
}  # fmt: skip
FILE_TEXTS = ("serial", "address", "site", "service", "supplier", "contract", "note")


class Wrong(Exception):
    """A cell is wrong."""

    def __init__(self, code: str, hint: str = "") -> None:
        self.code, self.hint = code, hint
        super().__init__(code)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What lines are judged against; ``corrections`` holds 'swapped' and 'lambert93' when accepted."""

    models: frozenset[str]
    labels: Mapping[str, str] = {}
    """Model's label as :func:`label_of` reads it → id."""
    box: Box | None = None
    corrections: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = {}


class Reader:
    """Reads the lines of one file, remembering which devices it met."""

    def __init__(self, columns: Mapping[str, int], known: Known, *, sealer: Sealer | None) -> None:
        self._columns = {name: at for name, at in columns.items() if name in BY_NAME}
        self._tags = {name[4:]: at for name, at in columns.items() if name.startswith("tag:")}
        self._known = known
        self._sealer = sealer
        self._met: dict[str, int] = {}
        self._near: dict[str, str] = {}
        self._wrong: list[Line] = []
        self._number = 0
        self._radio = False
        """Does the line give LoRaWAN keys? Its id is then a DevEUI."""

    def read(self, number: int, cells: Sequence[str]) -> tuple[Entry | None, list[Line]]:
        """The device that a line says, and what is wrong or worth telling."""
        self._wrong, self._number = [], number
        row = {name: cells[at] if at < len(cells) else "" for name, at in self._columns.items()}
        for name, text in self._known.defaults.items():
            row[name] = row.get(name) or text
        row = {name: self._plain(name, text) for name, text in row.items()}
        self._radio = any(row.get(each) for each in ("join_eui", "app_key", "nwk_key"))
        key = self._cell("key", row, read=self._key)
        place = self._place(row)
        device: dict[str, Any] = {
            "key": key,
            "name": row.get("name", ""),
            "model": self._cell("model", row, read=self._model),
            "source": row.get("source", ""),
            "lifecycle": self._cell("lifecycle", row, read=_step),
            "longitude": place[0] if place else None,
            "latitude": place[1] if place else None,
            "commune": "",
            "tags": self._all_tags(row, cells),
        }
        file = self._file(row)
        keys = self._keys(row, key or "")
        if any(each.bad for each in self._wrong):
            return None, self._wrong
        words = (device["name"], *map(str, device["tags"].values()))
        said = (str(file[name]) for name in FILE_TEXTS[:-1] if file.get(name))
        device["search"] = f"{searchable(device['key'], *words)}\x1f{searchable(*said)}"
        return Entry(device=device, file=file, keys=keys), self._wrong

    def _tell(
        self, column: str, code: str, *, value: str, hint: str = "", bad: bool = True
    ) -> None:
        shown = "" if column in {"app_key", "nwk_key"} else value[:100]
        self._wrong.append(
            Line(line=self._number, column=column, code=code, value=shown, hint=hint, bad=bad)
        )

    def _plain(self, name: str, text: str) -> str:
        if FORMULA.match(text):
            self._tell(name, "formula", value=text)
            return ""
        if len(text) > BY_NAME[name].longest:
            self._tell(name, "too_long", value=text, hint=str(BY_NAME[name].longest))
            return ""
        if "\x00" in text:
            self._tell(name, "control_character", value=text)
            return ""
        return text

    def _cell(self, name: str, row: dict[str, str], *, read: Callable[[str], Any]) -> Any:
        text = row.get(name, "")
        try:
            return read(text)
        except Wrong as wrong:
            if not any(each.column == name for each in self._wrong):
                self._tell(name, wrong.code, value=text, hint=wrong.hint)
            return None

    def _key(self, text: str) -> str:
        if not text:
            raise Wrong("missing")
        if POWER.match(text):
            raise Wrong("eui_number")
        key = normalise_device(text)
        bare = re.sub(r"[-:\s]", "", text).lower()
        if (len(bare) >= 12 or self._radio) and HEX.match(bare) and len(bare) != 16:
            raise Wrong("eui_length", f"{len(bare)} / 16")
        if not DEVICE.match(key):
            raise Wrong("bad_id")
        first = self._met.setdefault(key, self._number)
        if first != self._number:
            raise Wrong("duplicate", str(first))
        return key

    def _model(self, text: str) -> str:
        known = self._known
        if not text or text in known.models:
            return text
        by_label: str | None = known.labels.get(label_of(text))
        if by_label:
            return by_label
        if text not in self._near:
            near = difflib.get_close_matches(text.lower(), known.models, n=1, cutoff=0.6)
            self._near[text] = near[0] if near else ""
        raise Wrong("unknown_model", self._near[text])

    def _place(self, row: dict[str, str]) -> tuple[float, float] | None:
        texts = (row.get("longitude", ""), row.get("latitude", ""))
        if not any(texts):
            return None
        first = self._cell("longitude", row, read=_number)
        second = self._cell("latitude", row, read=_number)
        if first is None or second is None:
            if all(not each.column.startswith(("long", "lat")) for each in self._wrong):
                self._tell("latitude" if first is not None else "longitude", "missing", value="")
            return None
        place = place_of(first, second, box=self._known.box)
        if place.found:
            correct = place.found in self._known.corrections
            hint = f"{place.latitude:.6f} ; {place.longitude:.6f}"
            fatal = not correct and place.found != "outside"
            self._tell(
                "longitude",
                f"coordinates_{place.found}",
                value=" ; ".join(reversed(texts)),
                hint=hint,
                bad=fatal,
            )
        return place.longitude, place.latitude

    def _all_tags(self, row: dict[str, str], cells: Sequence[str]) -> dict[str, str]:
        tags: dict[str, str] = {}
        for part in filter(None, (each.strip() for each in row.get("tags", "").split(";"))):
            name, _, value = part.partition("=")
            tags[name.strip()] = value.strip()
        for name, at in self._tags.items():
            text = cells[at] if at < len(cells) else ""
            if FORMULA.match(text):
                self._tell(f"tag:{name}", "formula", value=text)
            elif text:
                tags[name] = text[:200]
        return tags

    def _file(self, row: dict[str, str]) -> dict[str, Any]:
        file: dict[str, Any] = {name: row[name] for name in FILE_TEXTS if row.get(name)}
        for name in ("bought", "warranty"):
            if row.get(name):
                file[name] = self._cell(name, row, read=_date)
        if row.get("yearly_cost"):
            file["yearly_cost"] = self._cell("yearly_cost", row, read=_money)
        if row.get("join_eui"):
            file["join_eui"] = self._cell("join_eui", row, read=_hex(16))
        return file

    def _keys(self, row: dict[str, str], device: str) -> dict[str, str]:
        keys: dict[str, str] = {}
        for kind in ("app_key", "nwk_key"):
            if row.get(kind):
                text = self._cell(kind, row, read=_hex(32))
                if text:  # a dry run counts the keys and keeps none
                    key = bytes.fromhex(text)
                    keys[kind] = self._sealer.seal(device, kind, key=key) if self._sealer else ""
        return keys


def label_of(text: str) -> str:
    """A model's label as people write it: without case, accents, nor the form of the apostrophe."""
    return searchable(text).replace("\u2019", "'").strip()


def _step(text: str) -> str:
    if not text:
        return ""
    found: str | None = STEPS.get(searchable(text).strip())
    if found is None:
        raise Wrong("unknown_step", ", ".join(get_args(Lifecycle)))
    return found


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace("\u00a0", "").replace(" ", "").replace(",", "."))
    except ValueError:
        raise Wrong("not_a_number") from None
    if not abs(number) <= 1e9:
        raise Wrong("not_a_number")
    return number


def _money(text: str) -> float | None:
    number = _number(text.replace("€", ""))
    if number is not None and not 0 <= number < 1e9:
        raise Wrong("not_a_cost")
    return number


def _date(text: str) -> date:
    for form in DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise Wrong("not_a_date", "2026-01-31")


def _hex(digits: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        bare = re.sub(r"[-:\s]", "", text).lower()
        if not HEX.match(bare):
            raise Wrong("not_hexadecimal")
        if len(bare) != digits:
            raise Wrong("key_length" if digits == 32 else "eui_length", f"{len(bare)} / {digits}")
        return bare

    return read
