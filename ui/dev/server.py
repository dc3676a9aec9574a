"""A development double of the public API: enough invented data to draw and test every page.

Not shipped. ``python ui/dev/server.py [--port P] [--empty]`` serves the built page and prints its address;
login ``agent``, password ``agent-agent-agent``, one-time link ``/entrer?jeton=fixture``.
"""

import argparse
import json
import math
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))
from territory import communes, inside

STATIC = Path(__file__).parents[2] / "src/clapas/web/static"
CSP = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
TYPES = {
    "WaterMeter": ("Compteur d’eau", "Water meter"),
    "IndoorEnvironmentObserved": ("Climat intérieur", "Indoor climate"),
    "OffStreetParking": ("Parking", "Car park"),
    "BikeHireDockingStation": ("Station de vélos", "Bike station"),
    "AirQualityObserved": ("Qualité de l’air", "Air quality"),
    "WaterLevelObserved": ("Niveau de rivière", "River level"),
}
# quantity: unit, fr, en, shown_scale, shown_unit, decimals, middle, swing
QUANTITIES: dict[str, tuple[str, str, str, float, str, int, float, float]] = {
    "temperature": ("°C", "Température", "Temperature", 1, "", 1, 19, 6),
    "relative_humidity": ("", "Humidité relative", "Relative humidity", 100, "%", 0, 0.52, 0.12),
    "co2": ("ppm", "CO₂", "CO₂", 1, "", 0, 640, 210),
    "flow": ("m³/h", "Débit", "Flow", 1, "", 2, 0.8, 0.7),
    "water_index": ("m³", "Index du compteur d’eau", "Water meter index", 1, "", 3, 1284, 0.4),
    "free_spaces": ("", "Places libres", "Free spaces", 1, "", 0, 210, 160),
    "bikes_available": ("", "Vélos disponibles", "Bikes available", 1, "", 0, 9, 7),
    "no2": ("µg/m³", "Dioxyde d’azote", "Nitrogen dioxide", 1, "", 1, 28, 17),
    "pm25": ("µg/m³", "Particules PM2,5", "Particles PM2.5", 1, "", 1, 11, 6),
    "water_level": ("m", "Hauteur d’eau", "Water level", 1, "", 2, 0.9, 0.3),
    "battery_level": ("", "Batterie", "Battery", 100, "%", 0, 0.86, 0.02),
}
OF_TYPE = {
    "WaterMeter": ["water_index", "flow", "battery_level"],
    "IndoorEnvironmentObserved": ["temperature", "relative_humidity", "co2", "battery_level"],
    "OffStreetParking": ["free_spaces"],
    "BikeHireDockingStation": ["bikes_available"],
    "AirQualityObserved": ["no2", "pm25", "temperature"],
    "WaterLevelObserved": ["water_level", "battery_level"],
}
PLACES = ["Musée Fabre", "École Louis-Pasteur", "Corum", "Comédie", "Polygone", "Antigone", "Peyrou", "Gare Saint-Roch"]


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(seconds: float) -> str:
    return iso(datetime.now(UTC) - timedelta(seconds=seconds))


class World:
    """The invented territory: communes, entities, devices, sources, ledger."""

    def __init__(self, *, empty: bool) -> None:
        self.random = random.Random(31)
        self.empty = empty
        self.communes = communes()
        self.entities: list[dict[str, Any]] = [] if empty else self._entities()
        self.devices = [self._device(rank, entity) for rank, entity in enumerate(self.entities)]
        self.keys: list[dict[str, Any]] = [] if empty else [self._key()]
        self.received = 0 if empty else 1_284_307
        self.waiting_since = time.monotonic()

    @staticmethod
    def _key() -> dict[str, Any]:
        return {"id": 1, "name": "Node-RED du service des eaux", "scopes": ["read"], "created": ago(9e6), "expires": ago(-2e7), "last_used": ago(70)}

    def _entities(self) -> list[dict[str, Any]]:
        made = []
        names = list(TYPES)
        features = self.communes["features"]
        weights = [feature["properties"]["population"] for feature in features]
        for rank in range(1500):
            kind = self.random.choices(names, [60, 12, 4, 6, 5, 2])[0]
            commune = self.random.choices(features, weights)[0]
            longitude, latitude = inside(commune, self.random)
            state = self.random.choices(["ok", "late", "silent", "alarm"], [930, 40, 24, 6])[0]
            place = self.random.choice(PLACES)
            name = f"{place} {rank}" if kind != "WaterMeter" else f"Compteur {10_000 + rank}"
            age = {"ok": 240, "alarm": 90, "late": 9_000, "silent": 190_000}[state] * (0.5 + self.random.random())
            made.append({
                "id": f"urn:ngsi-ld:{kind}:{rank:05d}", "type": kind, "name": name, "longitude": longitude, "latitude": latitude,
                "commune": commune["properties"]["code"], "simulated": True, "updated": ago(age), "state": state, "_rank": rank, "_age": age,
            })  # fmt: skip
        for entity in made:
            quantity = OF_TYPE[entity["type"]][0]
            entity["headline"] = self.reading(entity, quantity)
        return sorted(made, key=lambda each: each["name"])

    def reading(self, entity: dict[str, Any], quantity: str) -> dict[str, Any]:
        value = self.value(entity["_rank"], quantity, time.time())
        quality = 8 if entity["_rank"] % 37 == 0 else 0
        return {"attribute": camel(quantity), "quantity": quantity, "value": value, "unit": QUANTITIES[quantity][0], "measured": entity["updated"], "quality": quality}

    @staticmethod
    def value(rank: int, quantity: str, at: float) -> float:
        *_, decimals, middle, swing = QUANTITIES[quantity]
        day = math.sin((at / 86_400 + rank % 7 / 20 - 0.35) * 2 * math.pi)
        noise = math.sin(at / 977 + rank) * 0.25 + math.sin(at / 149 + rank * 3) * 0.12
        scale = 2 if quantity in {"relative_humidity", "battery_level"} else 0
        return round(middle + swing * (0.7 * day + noise) + (rank % 11 - 5) * swing / 40, decimals + scale)

    def _device(self, rank: int, entity: dict[str, Any]) -> dict[str, Any]:
        state = {"ok": "online", "alarm": "online"}.get(entity["state"], entity["state"])
        radio = entity["type"] in {"WaterMeter", "IndoorEnvironmentObserved", "WaterLevelObserved"}
        return {
            "id": rank, "key": f"{0x70B3D57ED0000000 + rank:016x}" if radio else f"feed-{rank}", "name": entity["name"],
            "model": {"WaterMeter": "Itron Cyble 5", "IndoorEnvironmentObserved": "Elsys ERS CO2"}.get(entity["type"], ""),
            "source": "chirpstack_v4" if radio else "ngsi_v2" if "Bike" in entity["type"] or "Parking" in entity["type"] else "mqtt_device",
            "lifecycle": "proposed" if rank % 211 == 5 else "active", "commune": entity["commune"],
            "longitude": entity["longitude"], "latitude": entity["latitude"], "last_seen": entity["updated"], "state": state,
            "rssi": -70 - rank % 45 if radio else None, "snr": 9 - rank % 14 if radio else None,
            "battery_level": 0.5 + (rank % 50) / 100 if radio else None,
        }  # fmt: skip

    def ledger(self) -> dict[str, Any]:
        if self.empty:
            counts = {"received": 0, "stored": 0, "duplicate": 0, "rejected": 0, "in_flight": 0, "balanced": True}
            return {"logs": [], **counts, "by_source": []}
        self.received += self.random.randrange(3, 40)
        duplicate, rejected, flight = 21_804, 1_362, self.random.randrange(0, 9)
        counts = {"received": self.received, "stored": self.received - duplicate - rejected - flight, "duplicate": duplicate, "rejected": rejected, "in_flight": flight, "balanced": True}
        half = {"received": 402_118, "stored": 400_000, "duplicate": 1_804, "rejected": 314, "in_flight": 0, "balanced": True}
        rest = {key: (counts[key] - half[key] if key != "balanced" else True) for key in counts}
        logs = [
            {"log": 1, "name": "UPLINK", "first": 1, "last": rest["received"], "checked_at": ago(12), **rest},
            {"log": 2, "name": "MQTT", "first": 1, "last": half["received"], "checked_at": ago(12), **half},
        ]
        by_source = [
            {"source": "chirpstack_v4", "stored": counts["stored"] - 420_000, "duplicate": 20_004, "rejected": 1_010, "reasons": {"unknown_device": 801, "codec_error": 209}},
            {"source": "mqtt_device", "stored": 400_000, "duplicate": 1_800, "rejected": 314, "reasons": {"malformed": 290, "future_dated": 24}},
            {"source": "ngsi_v2", "stored": 20_000, "duplicate": 0, "rejected": 38, "reasons": {"malformed": 38}},
        ]
        return {"logs": logs, **counts, "by_source": by_source}

    def sources(self) -> list[dict[str, Any]]:
        rows = [
            ("chirpstack_v4", "mqtt", "chirpstack v4", "ok", 4, 61_204, 96, {"url": "mqtt://127.0.0.1:1883", "topic": "application/+/device/+/event/+", "version": "4"}),
            ("mqtt_device", "mqtt", "mqtt device", "ok", 1, 240_118, 31, {"host": "127.0.0.1", "port": 1883, "topic": "clapas/{device}/up"}),
            ("http_push", "http", "http push", "waiting", None, 0, 0, {"url": "/api/v1/uplinks"}),
            ("ngsi_v2", "pull", "ngsi v2", "ok", 48, 2_880, 2, {"url": "https://donnees.exemple/ngsi/v2"}),
            ("the_things_stack", "mqtt", "the things stack", "late", 12_000, 412, 0, {"topic": "v3/+/devices/+/up"}),
            ("csv_drop", "pull", "csv drop", "off", 700_000, 0, 0, {"path": "depot/csv"}),
        ]  # fmt: skip
        return [
            {"name": name, "kind": kind, "title": title, "enabled": state != "off", "state": "waiting" if self.empty else state,
             "last_message": ago(age) if age and not self.empty else None, "messages_24h": 0 if self.empty else messages, "rejects_24h": 0 if self.empty else rejects, "detail": "", "settings": settings}
            for name, kind, title, state, age, messages, rejects, settings in rows
        ]  # fmt: skip

    def home(self) -> dict[str, Any]:
        states = [device["state"] for device in self.devices]
        wrong = [] if self.empty else [
            {"kind": "source", "severity": "major", "title_code": "wrong.source", "values": {"source": "the_things_stack", "detail": ""}, "link": "/sources"},
            {"kind": "rejects", "severity": "minor", "title_code": "wrong.rejects", "values": {"count": 129}, "link": "/rejets"},
            {"kind": "devices", "severity": "minor", "title_code": "wrong.silent", "values": {"count": states.count("silent")}, "link": "/appareils?state=silent"},
        ]  # fmt: skip
        rates = [0] * 60 if self.empty else [round(210 + 30 * math.sin(at / 6) + self.random.random() * 25) for at in range(60)]
        engines = [{"name": name, "mode": "embedded", "ok": True, "detail": "", "since": ago(86_000)} for name in ("postgresql", "clickhouse", "nats")]
        freshness = {"devices": len(states), "seen_1h": states.count("online"), "late": states.count("late"), "silent": states.count("silent")}
        return {"ledger": self.ledger(), "engines": engines, "sources": self.sources(), "freshness": freshness, "wrong": wrong, "rates": {"messages_per_minute": rates}}

    def full(self, entity: dict[str, Any]) -> dict[str, Any]:
        rank = entity["_rank"]
        device = next(each["key"] for each, one in zip(self.devices, self.entities, strict=True) if one is entity)
        attributes = []
        for at, quantity in enumerate(OF_TYPE[entity["type"]]):
            unit, fr, en, scale, shown, decimals, *_ = QUANTITIES[quantity]
            attributes.append({
                **self.reading(entity, quantity), "series": rank * 10 + at, "received": entity["updated"], "label_fr": fr, "label_en": en,
                "device": device, "shown_scale": scale, "shown_unit": shown, "decimals": decimals, "unit": unit,
            })  # fmt: skip
        return {**public(entity), "attributes": attributes, "relations": {}, "devices": [{"device": device, "channel": each["attribute"], "attribute": each["attribute"], "start": None, "end": None} for each in attributes]}

    def history(self, entity: dict[str, Any], query: dict[str, str]) -> list[dict[str, Any]]:
        start, end = (datetime.fromisoformat(query[name]).timestamp() for name in ("from", "to"))
        asked = query.get("step", "auto")
        step = {"raw": 600.0, "hour": 3600.0, "day": 86_400.0}.get(asked) or (float(asked) if asked.isdigit() else max(600.0, (end - start) / 300))
        found = []
        for attribute in self.full(entity)["attributes"]:
            if attribute["attribute"] not in query["attributes"].split(","):
                continue
            seconds = [start - start % step + step * at for at in range(int((end - start) / step) + 1)]
            values: list[float | None] = [self.value(entity["_rank"], attribute["quantity"], at) for at in seconds]
            gap = range(len(values) // 2, len(values) // 2 + max(1, len(values) // 40))
            values = [None if at in gap else value for at, value in enumerate(values)]
            swing = 0 if asked == "raw" else QUANTITIES[attribute["quantity"]][7] / 7
            found.append({
                "series": attribute["series"], "entity": entity["id"], "attribute": attribute["attribute"], "quantity": attribute["quantity"],
                "unit": attribute["unit"], "step": 0 if asked == "raw" else step, "times": [round(at * 1000) for at in seconds], "values": values,
                "min": [None if value is None else value - swing for value in values], "max": [None if value is None else value + swing for value in values],
                "counts": [6] * len(values), "qualities": [0] * len(values), "licence": "LO-2.0", "source": "chirpstack",
            })  # fmt: skip
        return found

    def frame(self, rank: int, at: int) -> dict[str, Any]:
        received = ago(240 + 600 * at)
        radio = [{"gateway": f"b827ebfffe{20 + each:06x}", "rssi": -88 - each * 9 - at % 5, "snr": 7.5 - each * 3} for each in range(1 + (rank + at) % 3)]
        return {
            "log": 1, "sequence": 884_000 - at * 17 - rank % 13, "received": received, "measured": received, "f_port": 5, "f_cnt": 4_312 - at,
            "payload_hex": f"0100{200 + at % 40:04x}02{50 + at % 9:02x}0402{96 + at:02x}07{0x0E10 + at:04x}", "raw_text": "", "radio": radio,
            "frequency_hz": 868_100_000, "data_rate": "SF7BW125", "codec": 3, "outcome": "rejected" if at == 7 else "stored",
            "reason": "codec_error" if at == 7 else "", "observations": 0 if at == 7 else 4,
        }  # fmt: skip

    def rejects(self, query: dict[str, str]) -> list[dict[str, Any]]:
        kinds = [
            ("chirpstack_v4", "unknown_device", "", "", "0a1b2c3d4e5f00aa"), ("chirpstack_v4", "codec_error", "TypeError: cannot read property 'x' of undefined", "", "01ff"),
            ("mqtt_device", "malformed", "offset 14", '{"temperature": 21,5}', ""), ("mqtt_device", "future_dated", "+3 h 12 min", '{"t": "2031-01-01T00:00:00Z"}', ""),
        ]  # fmt: skip
        rows = [
            {"id": at, "log": 1, "sequence": 910_000 - at * 7, "source": source, "device": f"{0x70B3D57ED0009000 + at:016x}", "reason": reason, "detail": detail,
             "received": ago(300 + at * 1_700), "preview_hex": payload, "preview_text": text}
            for at in range(0 if self.empty else 60) for source, reason, detail, text, payload in [kinds[at % 4]]
        ]  # fmt: skip
        return [row for row in rows if query.get("source", "") in {"", row["source"]} and query.get("reason", "") in {"", row["reason"]}]

    def waiting(self, source: str) -> list[dict[str, Any]]:
        if time.monotonic() - self.waiting_since < 4:
            return []
        frame = {**self.frame(3, 0), "received": ago(2), "outcome": "rejected", "reason": "unknown_device", "codec": 0, "observations": 0}
        device = {"id": 99_001, "key": "a81758fffe05a3c1", "name": "", "model": "", "source": source or "chirpstack_v4", "lifecycle": "proposed", "last_seen": ago(2), "state": "online"}
        return [{"device": device, "frame": frame}]


def camel(quantity: str) -> str:
    first, *rest = quantity.split("_")
    return first + "".join(each.title() for each in rest)


def public(entity: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if not key.startswith("_")}


def paged(items: list[Any], query: dict[str, str]) -> dict[str, Any]:
    start, limit = int(query.get("after") or 0), int(query.get("limit") or 50)
    return {"items": items[start : start + limit], "next": str(start + limit) if start + limit < len(items) else None}


class Problem(Exception):
    def __init__(self, status: int, code: str, actor: str = "owner") -> None:
        self.status, self.code, self.actor = status, code, actor
        super().__init__(code)


class Api:
    """Answers each path of the API with the world's data."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get(self, parts: list[str], query: dict[str, str]) -> Any:
        name = "_".join(["get", *parts[:1]]).replace(".", "_").replace("-", "_")
        answer = getattr(self, name, None)
        if answer is None:
            raise Problem(404, "not_found")
        return answer(parts[1:], query)

    def get_me(self, *_: Any) -> Any:
        return {"kind": "user", "id": 1, "name": "agent", "roles": ["operator"], "language": "fr", "service": "Service numérique", "must_set_password": False}

    def get_territory(self, *_: Any) -> Any:
        return self.world.communes

    def get_home(self, *_: Any) -> Any:
        return self.world.home()

    def get_ledger(self, *_: Any) -> Any:
        return self.world.ledger()

    def get_sources(self, *_: Any) -> Any:
        return {"items": self.world.sources(), "next": None}

    def get_types(self, *_: Any) -> Any:
        kinds = [entity["type"] for entity in self.world.entities]
        return [{"type": kind, "count": kinds.count(kind), "label_fr": fr, "label_en": en} for kind, (fr, en) in TYPES.items()]

    def get_quantities(self, *_: Any) -> Any:
        items = [
            {"key": key, "unit": unit, "kind": "instant", "fr": fr, "en": en, "shown_scale": scale, "shown_unit": shown, "decimals": decimals}
            for key, (unit, fr, en, scale, shown, decimals, *_) in QUANTITIES.items()
        ]  # fmt: skip
        return {"items": items, "next": None}

    def get_models(self, *_: Any) -> Any:
        return {"items": [{"id": "elsys-ers-co2", "label": "ERS CO2", "maker": "Elsys"}, {"id": "itron-cyble5", "label": "Cyble 5", "maker": "Itron"}], "next": None}

    def get_keys(self, *_: Any) -> Any:
        return {"items": self.world.keys, "next": None}

    def get_rejects(self, _parts: list[str], query: dict[str, str]) -> Any:
        return paged(self.world.rejects(query), query)

    def get_assistant(self, _parts: list[str], query: dict[str, str]) -> Any:
        return {"items": self.world.waiting(query.get("source", "")), "next": None}

    def get_observations(self, parts: list[str], _query: dict[str, str]) -> Any:
        return {"value": 21.4, "quality": 0, "codec": 3, "frame": self.world.frame(int(parts[0]) // 10, 1)}

    def get_fleet(self, _parts: list[str], query: dict[str, str]) -> Any:
        kept = [each for each in self.world.devices if self._matches(each, query, ("source", "lifecycle", "commune", "state"))]
        page = paged(kept, query)
        return {**page, "items": [{"device": each} for each in page["items"]]}

    def get_repairs(self, parts: list[str], query: dict[str, str]) -> Any:
        return {} if parts == ["count"] else paged([], query)

    def get_imports(self, _parts: list[str], query: dict[str, str]) -> Any:
        return paged([], query)

    def get_devices(self, parts: list[str], query: dict[str, str]) -> Any:
        if not parts:
            kept = [each for each in self.world.devices if self._matches(each, query, ("source", "lifecycle", "commune", "state"))]
            return paged(kept, query)
        rank, device = next(((at, each) for at, each in enumerate(self.world.devices) if each["key"] == parts[0]), (0, None))
        if parts[1:] == ["frames"]:
            return paged([self.world.frame(rank, at) for at in range(60)], query)
        if device is None:
            raise Problem(404, "not_found")
        return device

    @staticmethod
    def _matches(each: dict[str, Any], query: dict[str, str], names: tuple[str, ...]) -> bool:
        text = query.get("q", "").lower()
        return text in f"{each['name']} {each.get('key', '')}".lower() and all(query.get(name, "") in {"", each[name]} for name in names)

    def get_entities(self, parts: list[str], query: dict[str, str]) -> Any:
        kept = [each for each in self.world.entities if query.get("type", "") in {"", each["type"]}]
        if parts == ["map"]:
            columns = {"ids": "id", "types": "type", "longitudes": "longitude", "latitudes": "latitude", "states": "state"}
            return {**{name: [each[key] for each in kept] for name, key in columns.items()}, "values": [each["headline"]["value"] for each in kept], "etag": "1"}
        if not parts:
            box = [float(each) for each in query["bbox"].split(",")] if query.get("bbox") else [-180, -90, 180, 90]
            kept = [each for each in kept if self._matches(each, query, ("commune", "state")) and box[0] <= each["longitude"] <= box[2] and box[1] <= each["latitude"] <= box[3]]
            return paged([public(each) for each in kept], query)
        entity = next((each for each in kept if each["id"] == parts[0]), None)
        if entity is None:
            raise Problem(404, "not_found")
        if parts[1:] == ["history"]:
            found = self.world.history(entity, query)
            return found if query.get("_csv") != "1" else "time,value\n" + "\n".join(f"{at},{value}" for at, value in zip(found[0]["times"], found[0]["values"], strict=True))
        return self.world.full(entity)

    def post(self, path: str, body: Any) -> Any:
        if path == "assistant/guess":
            readings = [("temperature", 21.4, "temperature", "°C"), ("humidity", 0.48, "relative_humidity", ""), ("co2", 612, "co2", "ppm"), ("vdd", 3.6, "", "V")]
            return {"model": "elsys-ers-co2", "codec": {"kind": "python", "name": "elsys", "mode": "ttn", "version": 3}, "confidence": 0.94, "readings": [dict(zip(("channel", "value", "quantity", "unit"), each, strict=True)) for each in readings]}
        if path == "assistant/accept":
            return {"entity": next(each["id"] for each in self.world.entities if each["type"] == "IndoorEnvironmentObserved"), "device": body["device"]}
        if path == "keys":
            key = {"id": len(self.world.keys) + 2, "created": ago(0), "last_used": None, **body}
            self.world.keys.append(key)
            return {**key, "secret": "clapas_" + "8f3a" * 8}
        if path == "uplinks":
            return {"accepted": len(body) if isinstance(body, list) else 1, "sequence": 1}
        if path.startswith("devices") or path == "rejects/retry":
            return {"retried": 1, "missing": 0, "username": path.split("/")[1], "token": "dev_" + "51c0" * 6, "publish": [f"up/{path.split('/')[1]}"], "subscribe": []}
        raise Problem(404, "not_found")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: the tests read the standard output."""

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status: int, value: Any, **headers: str) -> None:
        kind = "application/problem+json" if status >= 400 else "application/json"
        self._send(status, b"" if status == 204 else json.dumps(value).encode(), kind, **headers)

    def _problem(self, problem: Problem) -> None:
        self._json(problem.status, {"type": "about:blank", "title": problem.code, "status": problem.status, "detail": "", "code": problem.code, "actor": problem.actor, "values": {}})

    def _signed_in(self) -> bool:
        jar = SimpleCookie(self.headers.get("Cookie", ""))
        return "clapas_session" in jar

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        if not address.path.startswith("/api/"):
            return self._file(address.path)
        parts = [unquote(part) for part in address.path.removeprefix("/api/v1/").split("/")]
        try:
            if parts == ["platform"]:
                return self._json(200, self._platform())
            if parts == ["me"] and not self._signed_in():
                return self._json(200, {"kind": "anonymous", "id": "", "name": "", "roles": [], "language": "fr", "service": ""})
            if not self._signed_in():
                raise Problem(401, "unauthenticated")
            if parts == ["live"]:
                return self._live(query)
            csv = "text/csv" in self.headers.get("Accept", "")
            answer = self.api.get(parts, {**query, "_csv": "1" if csv else ""})
            if isinstance(answer, str):
                return self._send(200, answer.encode(), "text/csv; charset=utf-8")
            return self._json(200, answer)
        except Problem as problem:
            return self._problem(problem)

    @staticmethod
    def _platform() -> dict[str, Any]:
        territory = {"name": "Montpellier Méditerranée Métropole", "siren": "243400017", "timezone": "Europe/Paris", "bbox": [3.6, 43.45, 4.1, 43.8]}
        return {"version": "0.1.0", "territory": territory, "simulated": True, "languages": ["fr", "en"], "started": ago(86_000)}

    def _file(self, path: str) -> None:
        file = STATIC / path.lstrip("/")
        if not file.is_file():
            file = STATIC / "index.html"
        kind = "text/javascript" if file.suffix in {".js", ".mjs"} else guess_type(file.name)[0] or "application/octet-stream"
        self._send(200, file.read_bytes(), f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)

    def _live(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        world = self.api.world
        entity = next((each for each in world.entities if each["id"] == query.get("entity")), None)
        try:
            while True:
                if "ledger" in query.get("topics", ""):
                    self._event("ledger", {key: value for key, value in world.ledger().items() if key not in {"logs", "by_source"}})
                if entity:
                    for attribute in world.full(entity)["attributes"]:
                        self._event("observation", {"entity": entity["id"], **attribute, "measured": ago(1)})
                time.sleep(2)
        except OSError:
            self.close_connection = True

    def _event(self, name: str, data: Any) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path.removeprefix("/api/v1/"))
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        try:
            if path.startswith("session"):
                return self._enter(path, body)
            if not self._signed_in():
                raise Problem(401, "unauthenticated")
            return self._json(200, self.api.post(path, body))
        except Problem as problem:
            return self._problem(problem)

    def _enter(self, path: str, body: dict[str, str]) -> None:
        user = self.api.get_me()
        one_time = path == "session/one-time"
        good = body.get("token") == "fixture" if one_time else body.get("password") == "agent-agent-agent"
        if not good:
            raise Problem(401, "link_spent" if one_time else "sign_in_failed")
        self.api.world.waiting_since = time.monotonic()
        answer = {"user": user, "must_set_password": True} if one_time else user
        self._json(200, answer, Set_Cookie="clapas_session=fixture; HttpOnly; SameSite=Lax; Path=/")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._json(204, None)

    do_PATCH = do_PUT

    def do_DELETE(self) -> None:
        if self.path == "/api/v1/session":
            return self._json(204, None, Set_Cookie="clapas_session=; Max-Age=0; Path=/")
        self.api.world.keys = [key for key in self.api.world.keys if not self.path.endswith(f"/{key['id']}")]
        return self._json(204, None)


def serve(*, port: int = 0, empty: bool = False) -> ThreadingHTTPServer:
    """A server on loopback, already answering from a thread of its own."""
    handler = type("BoundHandler", (Handler,), {"api": Api(World(empty=empty))})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--empty", action="store_true")
    chosen = options.parse_args()
    running = serve(port=chosen.port, empty=chosen.empty)
    sys.stdout.write(f"http://127.0.0.1:{running.server_address[1]}/\n")
    sys.stdout.flush()
    threading.Event().wait()
