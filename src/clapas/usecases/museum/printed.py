"""What the keeper's report prints of each room: facts in words, and the curve."""

from typing import Any

from clapas.usecases.museum.live import Climate, Room
from clapas.usecases.plot import Drawn, svg
from clapas.usecases.report import french

ROLES = {"room": "salle", "case": "vitrine", "outdoor": "extérieur", "surface": "surface"}
MATERIALS = {"paper": "papier", "mixed": "mixte", "photograph": "photographies", "none": "aucun"}
PROTECTION = {
    "protected": "La vitrine protège : elle reste dans sa bande alors que la salle en sort.",
    "both": "La salle et la vitrine restent dans leur bande.",
    "exposed": "La vitrine ne protège pas assez : elle sort de sa bande.",
}


def printable(found: Climate, *, zone: str) -> dict[str, Any]:
    """The rooms of the report, those that spoke in the period first drawn."""
    return {"rooms": [_room(each, zone) for each in found.rooms if each.last >= found.start]}


def _room(room: Room, zone: str) -> dict[str, Any]:
    provisional = "" if room.record_long_enough else " (provisoire)"
    facts = {
        "Hors de la bande": f"{french(round(room.outside_en15757 * 100, 1))} %{provisional}",
        "Bande (7ᵉ / 93ᵉ centile)": f"{french(room.fluctuation_p7)} / +{french(room.fluctuation_p93)} %",
        "Plus grand écart en 24 h": f"{french(room.largest_swing_24h)} %",
        "Moyennes": f"{french(room.temperature_mean)} °C, {french(room.humidity_mean)} %",
        "Moisissures possibles": f"{french(room.mould_hours)} h",
        "Type ASHRAE": room.ashrae or "aucun",
        "Réserve (EN 16893)": ", ".join(MATERIALS[each] for each in room.storage.split(",")),
        "Captation": f"{french(round(room.capture * 100, 1))} %",
    }
    curve = room.curve
    drawn = Drawn(times=curve.times, values=curve.humidity, low=curve.low, high=curve.high)
    return {
        "name": room.name,
        "role": ROLES.get(room.role, room.role),
        "facts": [{"name": name, "value": value} for name, value in facts.items()],
        "protection": PROTECTION.get(room.protection, ""),
        "words": f"Courbe de l’humidité relative de {room.name}, hors de sa bande {french(round(room.outside_en15757 * 100, 1))} % du temps",
        "curve": svg(drawn, zone=zone, unit="%") if len(curve.times) > 1 else "",
    }
