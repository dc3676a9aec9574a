"""The first administrator of a territory that has nothing: each empty page says so, and leads on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.ui.conftest import announced, enter_by_the_link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    Settle = Callable[[Page, str], None]

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def nothing_yet(browser: Browser) -> Iterator[Page]:
    """A platform on an empty data directory, and the page of its first administrator."""
    folder = tempfile.mkdtemp(prefix="clapas-ui-")
    process = subprocess.Popen(
        [sys.executable, "-m", "clapas", "up", "--data", f"{folder}/data", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "300"},
    )
    try:
        running = announced(process, f"{folder}/data")
        context = browser.new_context(
            base_url=running.address, locale="fr-FR", reduced_motion="reduce"
        )
        page = context.new_page()
        enter_by_the_link(page, running.link)
        yield page
        context.close()
    finally:
        process.terminate()
        process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("path", "said", "leads"),
    [
        ("/entites", "Aucun lieu ni objet encore", "/premiere-source"),
        ("/carte", "Aucun lieu ni objet encore", "/premiere-source"),
        ("/ngsi-ld", "Le courtier ne contient aucune entité encore", "/api"),
        ("/eau", "Aucune fuite à traiter", "/premiere-source"),
        ("/eau?vue=secteurs", "Aucun débitmètre de secteur", "/premiere-source"),
        ("/parc/couts", "Aucun appareil encore", "/appareils"),
        ("/parc/ordres", "Aucun ordre", "/appareils"),
        ("/radio?vue=trames", "Aucune trame depuis le démarrage", "/radio"),
    ],
)
def test_an_empty_page_says_what_is_missing_and_leads_to_it(
    nothing_yet: Page, settle: Settle, path: str, said: str, leads: str
) -> None:
    settle(nothing_yet, path)
    empty = nothing_yet.locator("main .empty")
    expect(empty).to_contain_text(said)
    expect(empty.get_by_role("link")).to_have_attribute("href", leads)
    expect(nothing_yet.get_by_role("alert")).to_have_count(0)


def test_the_first_source_names_no_territory_that_has_no_name(
    nothing_yet: Page, settle: Settle
) -> None:
    settle(nothing_yet, "/premiere-source")
    expect(nothing_yet.locator("main")).to_contain_text("La carte s’ouvrira sur cette commune.")
    expect(nothing_yet.locator("main")).not_to_contain_text(re.compile(r"Territoire\s*:"))
