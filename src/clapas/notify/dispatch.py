"""Sends what is due. Each channel has its own queue: one that is dead delays no other."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from clapas.domain.errors import ClapasError
from clapas.notify.channels import Channel
from clapas.notify.errors import NotDelivered
from clapas.notify.settings import Settings
from clapas.notify.text import Written, digest
from clapas.store.notify import Notice, Notices

logger = logging.getLogger(__name__)
PACE_S = 0.5
CLOSED_S = 30
LONGEST_S = 3600
AT_ONCE = 8
MESSAGES = "/alarmes/messages"
"""The page where a person reads what was sent."""


class Dispatcher:
    """Takes due notices from the outbox, hands them to their channel, writes what became of them."""

    def __init__(
        self, outbox: Notices, channels: Mapping[str, Channel], *, settings: Settings | None = None
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._settings = settings or Settings()

    async def run(self) -> None:
        """Until cancelled; one loop per channel."""
        async with asyncio.TaskGroup() as group:
            for name in self._channels:
                group.create_task(self._serve(name))
            group.create_task(self._give_up_closed())

    async def _serve(self, channel: str) -> None:
        while True:
            try:
                busy = await self.send_due(channel)
            except ClapasError as error:
                logger.warning("channel %s waits: %s", channel, error)
                busy = 0
            if not busy:
                await asyncio.sleep(PACE_S)

    async def _give_up_closed(self) -> None:
        """What waits for a way out that the settings do not open is shown as failed, not as waiting."""
        while True:
            try:
                await self._outbox.fail_closed(list(self._channels))
            except ClapasError as error:
                logger.warning("closed channels are looked at again: %s", error)
            await asyncio.sleep(CLOSED_S)

    async def send_due(self, channel: str, *, now: int | None = None) -> int:
        """Send what is due on one channel; gives how many messages were tried."""
        moment = now if now is not None else time.time_ns() // 1_000_000
        due = await self._outbox.due(channel, now=moment)
        parcels = list(_parcels(due))
        for start in range(0, len(parcels), AT_ONCE):
            some = parcels[start : start + AT_ONCE]
            await asyncio.gather(*(self._send(channel, each, now=moment) for each in some))
        return len(parcels)

    async def _send(self, channel: str, parcel: Sequence[Notice], *, now: int) -> None:
        notice = parcel[0] if len(parcel) == 1 else await self._together(parcel)
        ids = [each.id for each in parcel]
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._channels[channel].send(notice)
        # ValueError: an address that no library can use; it must not stop what others wait for.
        except (NotDelivered, TimeoutError, ValueError) as error:
            attempts = parcel[0].attempts + 1
            wait = min(LONGEST_S, self._settings.retry_s * 2 ** (attempts - 1))
            await self._outbox.retry(
                ids,
                error=str(error) or "no answer in time",
                due=now + wait * 1000,
                last=attempts >= self._settings.attempts,
            )
        else:
            await self._outbox.sent(ids, now=now, state="sent" if len(ids) == 1 else "digested")

    async def _together(self, parcel: Sequence[Notice]) -> Notice:
        """Many notices to one person as one, in that person's language."""
        contact = (await self._outbox.contacts(parcel[0].person)).get(parcel[0].person, {})
        told = [Written(each.subject, each.body) for each in parcel]
        words = digest(str(contact.get("language", "fr")), told)
        return msgspec.structs.replace(
            parcel[0], subject=words.subject, body=words.body, link=MESSAGES
        )


def _parcels(due: Sequence[Notice]) -> Iterable[list[Notice]]:
    """Notices for a digest go together, per person and address; the others alone."""
    digests: dict[tuple[str, str], list[Notice]] = {}
    for each in due:
        if each.digest:
            digests.setdefault((each.person, each.address), []).append(each)
        else:
            yield [each]
    yield from digests.values()
