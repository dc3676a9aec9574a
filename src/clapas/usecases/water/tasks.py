"""The water trade's work on the platform: the night's run, and what subscribers are told of it."""

from pathlib import Path
from typing import Any

from clapas.domain.window import milliseconds
from clapas.jobs import Running, Task
from clapas.notify.settings import Settings as NotifySettings
from clapas.usecases.water.settings import Settings
from clapas.usecases.water.watch.hours import drop_hours
from clapas.usecases.water.watch.messages import Post
from clapas.usecases.water.watch.night import flows_now, night, today

DAY_S = 86_400.0
EVERY_S = 900.0
"""The run takes seconds and is causal: done each quarter of an hour, a burst is told within hours and not next morning."""


async def run_night(run: Running) -> dict[str, Any]:
    """Detector, cases, attributes; then the messages."""
    now = today()
    settings = run.tool(Settings)
    told = await night(run.store, now=now, purpose=settings.leak_purpose, bursts=settings.bursts)
    post = Post(run.store, run.tool(Path), public=run.tool(NotifySettings).public_url)
    at = milliseconds(now)
    messages = await post.cases(await run.store.water.running(), now=at)
    messages += await post.holidays(await flows_now(run.store), now=at)
    return {**told, "messages": messages}


async def run_hours(run: Running) -> dict[str, Any]:
    """Drop the hours that have served; proofs are among governance's."""
    return {"deleted": await drop_hours(run.store, run.tool(Settings), now=today())}


TASKS = {
    "water.night": Task(run=run_night, every_s=EVERY_S),
    "water.hours": Task(run=run_hours, every_s=DAY_S),
}
