"""The queue of abnormal volumes, and what a subscriber answers to an alert."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from tests.integration.usecases.conftest import operator, page, reader, services, stranger
from tests.integration.usecases.water.test_cases_on_the_platform import LEAKY, NOW, furnish

from clapas.charter.audit import AuditTrail
from clapas.domain.window import milliseconds
from clapas.store.water import NewCase
from clapas.usecases.water.watch.night import night
from clapas.usecases.water.watch.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

__all__ = ["operator", "page", "reader", "services", "stranger"]


def quarterly(last: float) -> str:
    """Five years of quarterly indexes of a home of 30 m³ a quarter, the last quarter apart."""
    day, index, lines = date(2020, 1, 1), 0.0, ["meter;date;index"]
    for number in range(20):
        lines.append(f"m1;{day:%d/%m/%Y};{index:.0f}")
        day, index = day + timedelta(days=91), index + (last if number == 18 else 30.0)
    return "\n".join([*lines, "unknown;01/01/2020;0", "unknown;01/04/2020;9"])


async def test_an_abnormal_volume_is_followed_until_the_certificate(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    await furnish(services.store, leak_l_h=0.0)
    path = "/api/v1/water/files"
    told = await operator.call("POST", path, json={"table": quarterly(150.0)})
    assert told.json() == {"abnormal": 1, "opened": 1}, told.text
    assert (await operator.call("POST", path, json={"table": quarterly(150.0)})).json()[
        "opened"
    ] == 0
    assert (await reader.call("POST", path, json={"table": quarterly(150.0)})).status_code == 403
    headless = "meter;date;index\n"
    for place, table in (
        (path, {"json": {"table": headless}}),
        ("/api/v1/water/assets", {"content": headless.encode()}),
    ):
        wrong = (await operator.call("POST", place, **table)).json()
        assert (wrong["code"], wrong["detail"]) == ("water_bad_table", "no line after the header")
        assert wrong["values"] == {}, "where we laid the table is nobody's business"
    queue = (await operator.call("GET", path)).json()
    file = queue["items"][0]
    assert (queue["to_inform"], file["entity"], file["state"]) == (1, LEAKY, "to_inform")
    assert (file["volume"], file["reference"], file["water_m3"]) == (150.0, 30.0, 60.0)
    one = f"{path}/{file['id']}"
    today = datetime.now(UTC).date()
    late = today - timedelta(days=1)
    assert (await operator.call("POST", one, json={"informed": f"{late}"})).status_code == 400
    before = {"certificate": f"{today}"}
    assert (await operator.call("POST", one, json=before)).status_code == 400
    inform = {"informed": f"{late}", "proof": "recommandé 1A 234"}
    assert (await operator.call("POST", one, json=inform)).status_code == 200
    waiting = (await operator.call("GET", path)).json()["items"][0]
    assert (waiting["state"], waiting["water_m3"]) == ("waiting", 150.0)
    assert 26 <= waiting["days_left"] <= 30
    assert (await operator.call("POST", one, json=before)).status_code == 200
    done = (await operator.call("GET", path)).json()["items"][0]
    assert (done["state"], done["water_m3"], done["sanitation_m3"]) == ("accepted", 60.0, 30.0)
    printed = await operator.call("GET", f"{one}/dossier.pdf")
    assert printed.content.startswith(b"%PDF")


async def test_the_file_is_printed_with_the_name_from_the_vault_for_who_may_and_the_trail_says_so(
    services: Services, operator: Visitor, reader: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    object.__setattr__(services, "audit", AuditTrail(services.store.audit))
    await furnish(services.store, leak_l_h=0.0)
    files = "/api/v1/water/files"
    await operator.call("POST", files, json={"table": quarterly(150.0)})
    file = (await operator.call("GET", files)).json()["items"][0]["id"]
    named = f"{files}/{file}/named-dossier.pdf"
    assert (await operator.call("GET", named)).status_code == 404
    who = {"name": "Mme Vidal", "address": "12 rue de l’Aiguillerie", "contract": "C-4471"}
    path = f"/api/v1/water/subscribers/{LEAKY}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    printed = await operator.call("GET", named)
    assert printed.content.startswith(b"%PDF")
    assert (await reader.call("GET", named)).status_code == 403
    assert services.audit is not None
    await services.audit.flush()
    events = [msgspec.json.decode(each.event) for each in await services.store.audit.latest()]
    asked = [each for each in events if each["what"] == "subscriber"]
    assert {each["allowed"] for each in asked} == {True, False}
    assert "Vidal" not in f"{events}"


async def test_a_use_that_explains_the_flow_is_not_asked_about_again(
    services: Services, operator: Visitor, stranger: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    who = {"name": "Mme Vidal", "address": "12 rue de l’Aiguillerie", "consents": ["alerts"]}
    path = f"/api/v1/water/subscribers/{LEAKY}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    case = (await operator.call("GET", "/api/v1/water/cases")).json()["items"][0]
    letter = await operator.call("GET", f"/api/v1/water/cases/{case['id']}/letter.pdf")
    assert letter.content.startswith(b"%PDF"), letter.text
    answer = {"token": Vault.of(tmp_path).stop_token(LEAKY), "cause": "softener"}
    heard = await stranger.call("POST", "/api/v1/water/answer", json=answer)
    assert heard.status_code == 200, heard.text
    assert (await operator.call("GET", "/api/v1/water/cases")).json()["items"] == []
    usual = await services.store.water.accepted(since=milliseconds(NOW - timedelta(days=1)))
    assert list(usual) == [LEAKY]
    older = io.BytesIO()
    np.savez(older, names=np.asarray([LEAKY]))
    await services.store.water.remember("leaks", milliseconds(NOW), body=older.getvalue())
    again = await night(services.store, now=NOW + timedelta(minutes=5))
    assert again["alerts"] == 0
    await services.store.water.raise_cases(
        [NewCase(entity=LEAKY, kind="pipe", rate=60.0, volume=9.0, confidence=0.9, raised=milliseconds(NOW))]
    )  # fmt: skip
    repaired = answer | {"cause": "repaired"}
    assert (await stranger.call("POST", "/api/v1/water/answer", json=repaired)).status_code == 200
    assert (await operator.call("GET", "/api/v1/water/cases")).json()["items"] == []
