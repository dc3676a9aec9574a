"""What a person waits for, measured in a real browser: the map, its panning, a search in the list.

Needs the test extra (playwright) and Chromium; without a graphics card its WebGL is drawn by the processor,
which is slower than any desk.
"""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from clapas.domain.errors import BadSetting

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const step = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(step); };
  requestAnimationFrame(step); }"""
PAN_STEPS = 60
VISITS = 6
"""The first has nothing in its cache."""


@asynccontextmanager
async def signed_in(address: str, link: str) -> AsyncIterator[Any]:
    """A browser context of the first administrator, by their one-time link. Raises BadSetting when there is no browser."""
    from playwright.async_api import async_playwright

    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise BadSetting("install chromium to measure in a browser", key="bench")
    token = link.rpartition("jeton=")[2]
    async with async_playwright() as library:
        browser = await library.chromium.launch(executable_path=found, args=FLAGS)
        context = await browser.new_context(
            base_url=address, viewport={"width": 1440, "height": 900}, locale="fr-FR"
        )
        opened = await context.request.post("/api/v1/session/one-time", data={"token": token})
        if not opened.ok:
            raise BadSetting("the first link of this platform was used already", key="bench")
        csrf = {each["name"]: each["value"] for each in await context.cookies()}["clapas_csrf"]
        await context.request.put(
            "/api/v1/me/password",
            data={"password": secrets.token_urlsafe(16)},
            headers={"X-Clapas-CSRF": csrf},
        )
        try:
            yield context
        finally:
            await browser.close()


async def map_figures(context: Any) -> dict[str, Any]:
    """The map from its address to its first points and to points that move (ms), then frames while it is dragged (ms).

    The first points are a still picture on a plain canvas, told once the frame that shows it was presented; WebGL
    takes its place. Each visit waits until the page is quiet, so that none runs into the next.
    """
    page = await context.new_page()
    visits = [await _visit(page) for _ in range(VISITS)]
    later = list(zip(*visits[1:], strict=True))
    frames = await _dragged(page)
    await page.close()
    return {
        "map_first_points_first_visit_ms": visits[0][0],
        "map_first_points_ms": median(later[0]),
        "map_moves_first_visit_ms": visits[0][1],
        "map_moves_ms": median(later[1]),
        "pan_frame_median_ms": frames[len(frames) // 2],
        "pan_frame_p95_ms": frames[int(len(frames) * 0.95)],
        "pan_frame_worst_ms": frames[-1],
    }


async def _visit(page: Any) -> tuple[float, float]:
    await page.goto("/carte")
    drawn = page.locator("[data-map][data-painted][data-moves][data-idle]")
    await drawn.wait_for(timeout=60_000)
    await asyncio.sleep(1)
    return float(await drawn.get_attribute("data-painted")), float(
        await drawn.get_attribute("data-moves")
    )


async def _dragged(page: Any) -> list[float]:
    box = await page.locator("[data-map]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.evaluate(FRAMES)
    await page.mouse.move(x, y)
    await page.mouse.down()
    for step in range(PAN_STEPS):
        await page.mouse.move(x + 4 * (step if step < 30 else 60 - step), y + 2 * (step % 30))
        await asyncio.sleep(1 / 60)
    await page.mouse.up()
    await asyncio.sleep(1)
    frames: list[float] = await page.evaluate("() => window.frames_")
    return [round(each, 1) for each in sorted(frames[1:])]


async def list_figures(context: Any, words: str) -> dict[str, Any]:
    """The list of devices from its address to its rows, and a search from the last key to its rows (ms)."""
    page = await context.new_page()
    began = time.perf_counter()
    await page.goto("/appareils")
    await page.locator("main tbody tr").first.wait_for(timeout=60_000)
    shown = round((time.perf_counter() - began) * 1000)
    before = await page.locator("main tbody tr").first.inner_text()
    began = time.perf_counter()
    await page.locator("#device-q").fill(words)
    await page.wait_for_function(
        "before => document.querySelector('main tbody tr')?.innerText !== before", arg=before
    )
    found = round((time.perf_counter() - began) * 1000)
    await page.close()
    return {"list_first_rows_ms": shown, "list_search_with_typing_pause_ms": found}
