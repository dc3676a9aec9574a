"""A browser on the page of a real platform: the demonstration, started once for the session.

``CLAPAS_UI_URL`` with ``CLAPAS_UI_LOGIN`` and ``CLAPAS_UI_PASSWORD`` names a running one instead.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/clapas/web/static"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--no-first-run",
]  # fmt: skip
LOGIN, PASSWORD = "admin", "une pierre du clapas"
SETTLED = 1_000
"""Messages of the simulated past that must be in before the pages are looked at."""

NewContext = Callable[..., BrowserContext]


class Demonstration(msgspec.Struct, frozen=True):
    """A running platform: its address, the link that it printed, its data directory."""

    address: str
    link: str
    data: str


@pytest.fixture(scope="session")
def demonstration() -> Iterator[Demonstration]:
    """The demonstration, started as a person starts it, with sixty simulated things."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("The page is not built: ./clapas setup, or cd ui && npm ci && npm run build")
    folder = tempfile.mkdtemp(prefix="clapas-ui-")
    command = [sys.executable, "-m", "clapas", "demo", "--data", f"{folder}/data"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--size", "60"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "300"},
    )
    try:
        yield announced(process, f"{folder}/data")
    finally:
        process.terminate()
        process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def announced(process: "subprocess.Popen[str]", data: str) -> Demonstration:
    """What a platform that starts says: where it answers, and the link to enter by."""
    said = ""
    for line in process.stderr or ():
        said += line
        if "Ctrl-C" in line:
            break
    address = re.search(r"answers at (http://[0-9.:]+)", said)
    link = re.search(r"http://\S+jeton=\S+", said)
    if address is None or link is None:
        pytest.fail(f"the demonstration did not start: {said}")
    return Demonstration(address.group(1), link.group(0), data)


@pytest.fixture(scope="session")
def platform_url(request: pytest.FixtureRequest) -> str:
    """The address of a running platform with data in it, without a final slash."""
    if given := os.environ.get("CLAPAS_UI_URL"):
        return given.rstrip("/")
    running: Demonstration = request.getfixturevalue("demonstration")
    browser: Browser = request.getfixturevalue("browser")
    context = browser.new_context(locale="fr-FR", base_url=running.address)
    enter_by_the_link(context.new_page(), running.link)
    _fill(context, running.address)
    context.close()
    return running.address


def enter_by_the_link(page: Page, link: str) -> None:
    """What the first administrator does: open the link, choose a password."""
    page.goto(link)
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_label("Nouveau mot de passe").fill(PASSWORD)
    page.get_by_label("Le même").fill("une autre phrase, par erreur")
    page.get_by_role("button", name="Enregistrer et entrer").click()
    page.get_by_role("alert").get_by_text("diffèrent").wait_for()
    page.get_by_label("Le même").fill(PASSWORD)
    page.get_by_role("button", name="Enregistrer et entrer").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()


def _fill(context: BrowserContext, address: str) -> None:
    """Wait for the simulated past, and send three messages that must be refused."""
    api = context.request
    cookies = {each["name"]: each["value"] for each in context.cookies()}
    made = api.post(
        f"{address}/api/v1/keys",
        data={"name": "pages", "scopes": ["publish"]},
        headers={"X-Clapas-CSRF": cookies["clapas_csrf"]},
    )
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    for number in range(3):
        body = {"device": f"stranger-{number}", "values": {"temperature": 20 + number}}
        httpx.post(f"{address}/api/v1/uplinks", json=body, headers=headers).raise_for_status()
    ledger: dict[str, Any] = {}
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        ledger = api.get(f"{address}/api/v1/ledger").json()
        if ledger["stored"] > SETTLED and ledger["rejected"] >= 3 and ledger["in_flight"] < 50:
            return
        time.sleep(1)
    pytest.fail(f"the simulated past did not come in: {ledger}")


@pytest.fixture(scope="session")
def credentials() -> tuple[str, str]:
    return os.environ.get("CLAPAS_UI_LOGIN", LOGIN), os.environ.get("CLAPAS_UI_PASSWORD", PASSWORD)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if found is None:
        pytest.fail("No browser: apt-get install chromium")
    with sync_playwright() as library:
        launched = library.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def signed_in_state(browser: Browser, platform_url: str, credentials: tuple[str, str]) -> Any:
    """The cookies of a session opened through the sign-in page, once for all tests."""
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(f"{platform_url}/connexion")
    page.get_by_label("Identifiant").fill(credentials[0])
    page.get_by_label("Mot de passe").fill(credentials[1])
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def new_context(browser: Browser, platform_url: str, signed_in_state: Any) -> Iterator[NewContext]:
    """Makes signed-in contexts: ``new_context(language="en", theme="dark", width=320)``."""
    made: list[BrowserContext] = []

    def make(
        *,
        language: str = "fr",
        theme: str = "light",
        width: int = 1440,
        height: int = 900,
        audit: bool = False,
    ) -> BrowserContext:
        context = browser.new_context(
            base_url=platform_url,
            storage_state=signed_in_state,
            viewport={"width": width, "height": height},
            locale="fr-FR" if language == "fr" else "en-GB",
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            bypass_csp=audit,
        )
        context.add_init_script(
            f"localStorage.getItem('clapas.language') ?? localStorage.setItem('clapas.language', '{language}')"
        )
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def signed_in_page(new_context: NewContext) -> Page:
    """A desktop page in French, light, signed in; it opens nothing yet."""
    return new_context().new_page()


@pytest.fixture
def entity_path(signed_in_page: Page) -> str:
    """The page of an entity that has at least one number, found through the API."""
    answer = signed_in_page.request.get("/api/v1/entities?state=ok&limit=200").json()
    entity = next(
        each
        for each in answer["items"]
        if each["headline"] and isinstance(each["headline"]["value"], float)
    )
    return "/entites/" + str(entity["id"]).replace(":", "%3A").replace("/", "%2F")


@pytest.fixture
def settle() -> Callable[[Page, str], None]:
    """Opens an address and waits for its content: a heading, no skeleton, an idle map if it has one."""

    def open_and_wait(page: Page, address: str) -> None:
        page.goto(address)
        page.locator("main h1").wait_for()
        page.locator("main .skeleton").first.wait_for(state="detached")
        page.evaluate("document.fonts.ready.then(() => null)")
        if page.locator("[data-map]").count():
            page.locator("[data-map][data-idle]").first.wait_for()

    return open_and_wait
