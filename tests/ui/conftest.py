"""A browser on the page, signed in.

``platform_url`` is the one thing to change to drive the real platform: by default it is the development
double of ``ui/dev``; ``CLAPAS_UI_URL`` with ``CLAPAS_UI_LOGIN`` and ``CLAPAS_UI_PASSWORD`` names another.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/clapas/web/static"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--no-first-run",
]  # fmt: skip

NewContext = Callable[..., BrowserContext]


def development_double() -> ModuleType:
    """The module ``ui/dev/server.py``, which lies outside the package."""
    if (loaded := sys.modules.get("clapas_ui_double")) is not None:
        return loaded
    spec = importlib.util.spec_from_file_location("clapas_ui_double", ROOT / "ui/dev/server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["clapas_ui_double"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def platform_url() -> Iterator[str]:
    """The address of a running platform, without a final slash."""
    if given := os.environ.get("CLAPAS_UI_URL"):
        yield given.rstrip("/")
        return
    if not (STATIC / "index.html").is_file():
        pytest.fail("The page is not built: cd ui && npm ci && npm run build")
    server = development_double().serve()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def credentials() -> tuple[str, str]:
    return os.environ.get("CLAPAS_UI_LOGIN", "agent"), os.environ.get(
        "CLAPAS_UI_PASSWORD", "agent-agent-agent"
    )


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
