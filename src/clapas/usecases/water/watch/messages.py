"""What a subscriber is told: plain words, litres a day and euros a month, what to look at, how to stop.

The message goes at once, of a burst too (it asks; see :mod:`sudden`), one reminder a week later while the flow still runs, nothing more. A subscriber
who is away is told of any flow. No message without consent to alerts, below the threshold that they
chose, or after they stopped.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.window import instant
from clapas.store import Store
from clapas.store.notify import Notice
from clapas.store.water import CaseRow, MessageRow, SubscriberRow
from clapas.usecases.water.money import Loss, loss_of
from clapas.usecases.water.watch.vault import Person, Vault

PRICE = 4.0
"""Mean price of a cubic metre, sanitation included (€), when the service gives none."""
DAY_MS = 86_400_000
REMINDER_MS = 7 * DAY_MS
HOLIDAY_AGAIN_MS = 2 * DAY_MS
CONSENT = "alerts"

SUBJECT = {
    "fr": {
        "first": "Votre compteur d’eau tourne sans arrêt",
        "sudden": "Beaucoup d’eau coule chez vous en ce moment",
        "reminder": "Rappel : votre compteur d’eau tourne toujours",
        "holiday": "De l’eau coule chez vous pendant votre absence",
    },
    "en": {
        "first": "Your water meter never stops",
        "sudden": "Much water is flowing at home right now",
        "reminder": "Reminder: your water meter is still running",
        "holiday": "Water is flowing at home while you are away",
    },
}
BODY = {
    "fr": (
        "Bonjour {name},\n\n{what} Cela fait environ {litres} litres par jour, soit {euros} € par mois.\n\n"
        "À regarder d’abord : la chasse d’eau, puis le groupe de sécurité du chauffe-eau, l’arrosage et le "
        "robinet extérieur. Fermez tout : si le petit triangle du compteur tourne encore, il y a une fuite.\n"
        "Un remplissage de piscine, un arrosage de nuit ou un adoucisseur peuvent aussi l’expliquer : "
        "dites-le-nous, nous ne vous écrirons plus pour cela : {answer}\n\n"
        "Ne plus recevoir ces messages : {stop}"
    ),
    "en": (
        "Hello {name},\n\n{what} That is about {litres} litres a day, {euros} € a month.\n\n"
        "Look first at the toilet cistern, then at the water heater’s safety valve, the garden and the "
        "outside tap. Close everything: if the meter’s small triangle still turns, there is a leak.\n"
        "Filling a pool, watering at night or a softener may also explain it: tell us, and we shall not "
        "write again for that: {answer}\n\nStop these messages: {stop}"
    ),
}
SUDDEN = {
    "fr": (
        "Bonjour {name},\n\nDepuis deux heures au moins, environ {flow} litres d’eau coulent chez vous chaque heure "
        "(vu le {since}).\n\n"
        "Vous remplissez une piscine, vous arrosez ? Dites-le-nous, nous n’insisterons pas : {answer}\n"
        "Sinon, fermez le robinet général, près du compteur, et regardez si l’eau coule encore : "
        "une canalisation a pu se rompre. Si cela dure, nous vous appellerons.\n\n"
        "Ne plus recevoir ces messages : {stop}"
    ),
    "en": (
        "Hello {name},\n\nFor two hours at least, about {flow} litres of water have been flowing at home every hour "
        "(seen on {since}).\n\n"
        "Are you filling a pool, or watering? Tell us, and we shall not insist: {answer}\n"
        "If not, close the main tap near the meter and see whether water still flows: a pipe may have burst. "
        "If it goes on, we shall call you.\n\nStop these messages: {stop}"
    ),
}
"""What is said of a burst-sized flow."""
WHAT = {
    "fr": {
        "first": "Depuis le {since}, de l’eau coule chez vous sans jamais s’arrêter, même la nuit.",
        "reminder": "De l’eau coule toujours chez vous sans s’arrêter, depuis le {since}.",
        "holiday": "Vous nous aviez dit être absent, et de l’eau coule chez vous.",
    },
    "en": {
        "first": "Since {since}, water has been flowing at home without ever stopping, even at night.",
        "reminder": "Water is still flowing at home without stopping, since {since}.",
        "holiday": "You told us that you are away, and water is flowing at home.",
    },
}


class Words(msgspec.Struct, frozen=True):
    """A message, ready to be sent."""

    subject: str
    body: str


class Links(msgspec.Struct, frozen=True):
    """Where the subscriber answers, and where they stop the messages."""

    answer: str
    stop: str


def words(
    person: Person, language: str, *, kind: str, loss: Loss, since: str, links: Links
) -> Words:
    """The message in the subscriber's language; ``since`` a civil date (and hour, of a burst) as they write it."""
    sudden = kind == "sudden"
    body = (SUDDEN if sudden else BODY)[language].format(
        name=person.name,
        what="" if sudden else WHAT[language][kind].format(since=since),
        since=since,
        flow=f"{loss.litres_day / 24.0:.0f}",
        litres=f"{loss.litres_day:.0f}",
        euros=f"{loss.euros_month:.0f}",
        answer=links.answer,
        stop=links.stop,
    )
    return Words(SUBJECT[language][kind], body)


def due(
    case: CaseRow, row: SubscriberRow, *, done: Mapping[tuple[int | None, str], int], now: int
) -> str:
    """Which message of a case is due: '' when none is. A burst is told also when the meter's leak was."""
    if CONSENT not in row.consents or case.rate * 24.0 < row.threshold or case.stopped:
        return ""
    sudden = done.get((case.id, "sudden"))
    if case.kind == "burst" and sudden is None:
        return "sudden" if case.state in {"open", "asked"} else ""
    first = done.get((case.id, "first"), sudden)
    if first is None:
        return "first" if case.state == "open" else ""
    late = now - first >= REMINDER_MS and (case.id, "reminder") not in done
    return "reminder" if late and case.state in {"open", "asked"} else ""


def _date(moment: int, zone: ZoneInfo, *, language: str) -> str:
    day: datetime = instant(moment).astimezone(zone)
    return f"{day:%d/%m/%Y}" if language == "fr" else f"{day:%Y-%m-%d}"


def _hour(moment: int, zone: ZoneInfo, *, language: str) -> str:
    day: datetime = instant(moment).astimezone(zone)
    return f"{day:%d/%m/%Y à %H h %M}" if language == "fr" else f"{day:%Y-%m-%d at %H:%M}"


class Post:
    """Hands messages to the outbox of the platform. ``public`` is the address of the platform for links."""

    def __init__(
        self, store: Store, directory: Path, *, public: str = "", price: float = PRICE
    ) -> None:
        self._store = store
        self._vault = Vault.of(directory)
        self._public = public
        self._price = price

    async def cases(self, entities: set[str], *, now: int) -> int:
        """First messages and reminders of the living cases of these meters; gives how many."""
        living = await self._store.water.living(entities)
        sent = await self._store.water.sent(entities)
        done = {(each.case, each.kind): each.at for each in sent}
        count = 0
        for row in await self._store.water.subscribers(list(living)):
            case = living[row.entity]
            kind = due(case, row, done=done, now=now)
            if kind:
                since = case.updated if kind == "sudden" else case.raised
                count += await self._send(
                    row, kind, rate=case.rate, since=since, case=case.id, now=now
                )
        return count

    async def holidays(self, flows: dict[str, float], *, now: int) -> int:
        """Those who are away while water flows (L/h by meter); at most one message in two days."""
        away = [row for row in await self._store.water.away(now=now) if CONSENT in row.consents]
        sent = await self._store.water.sent([row.entity for row in away])
        lately = {
            each.entity for each in sent
            if each.kind == "holiday" and now - each.at < HOLIDAY_AGAIN_MS
        }  # fmt: skip
        count = 0
        for row in away:
            flow = flows.get(row.entity, 0.0)
            if flow > 0 and row.entity not in lately:
                count += await self._send(row, "holiday", rate=flow, since=now, case=None, now=now)
        return count

    async def _send(
        self, row: SubscriberRow, kind: str, *, rate: float, since: int, case: int | None, now: int
    ) -> bool:
        person = self._vault.open(row)
        address = person.reached_by(row.channel)
        if not address:
            return False
        zone = await self._store.territory.zone()
        token = self._vault.stop_token(row.entity)
        made = words(
            person,
            row.language,
            kind=kind,
            loss=loss_of(rate, self._price),
            since=(_hour if kind == "sudden" else _date)(since, zone, language=row.language),
            links=Links(
                f"{self._public}/eau/reponse?jeton={token}",
                f"{self._public}/eau/stop?jeton={token}",
            ),
        )
        notice = Notice(
            kind=f"water_{kind}",
            channel=row.channel,
            address=address,
            subject=made.subject,
            body=made.body,
            created=now,
            due=now,
        )
        message = MessageRow(row.entity, case, kind, row.channel, now)
        return await self._store.water.send(message, notice)
