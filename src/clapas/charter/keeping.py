"""The charter that the database holds, kept up to date in every process that asks it."""

import asyncio
import logging
import re
from datetime import UTC, date, datetime

import msgspec

from clapas.charter.articles import Policies, packaged_schema, packaged_text, read_policies
from clapas.charter.decide import Charter
from clapas.charter.errors import ArticleInvalid, CharterInvalid, RecordInvalid
from clapas.charter.validate import Finding, validate
from clapas.domain.dataset import DatasetRecord
from clapas.domain.errors import ClapasError, InvalidInput
from clapas.store.charter import ArticleRow, CharterStore

log = logging.getLogger(__name__)

IDENTIFIER = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
ARTICLE = re.compile(r'@id\("([^"]{1,40})"\)')
_PARTS = re.compile(r'(?=@id\(")')


def with_articles(rows: list[ArticleRow]) -> Policies:
    """The packaged articles with those of the territory: one with the same id takes its place.

    Raises CharterInvalid.
    """
    own = {row.id: row.text for row in rows}
    head, *packaged = _PARTS.split(packaged_text())
    kept = [part for part in packaged if (ARTICLE.match(part) or [""])[1] not in own]
    return read_policies("\n".join([head, *kept, *own.values()]), schema=packaged_schema())


def read_article(text: str) -> str:
    """The id of one article's text. Raises ArticleInvalid: none, several, or a fault."""
    try:
        policies = read_policies(text, schema=packaged_schema())
    except CharterInvalid as error:
        raise ArticleInvalid(str(error)) from error
    if len(policies.articles) != 1:
        raise ArticleInvalid("one article at a time")
    return next(iter(policies.articles))


def usable(records: list[DatasetRecord], today: date) -> list[DatasetRecord]:
    """Records as they rule today: an open one with a fault, or past its review, is restricted."""
    return [_as_it_rules(each, today) for each in records]


def _as_it_rules(record: DatasetRecord, today: date) -> DatasetRecord:
    faults = [each for each in validate(record, today=today) if each.severity == "error"]
    if not faults or record.classification not in {"ouvert", "interne"}:
        return record
    log.warning("dataset %s is restricted: %s", record.id, faults[0].code)
    return msgspec.structs.replace(record, classification="restreint")


class CharterKeeper:
    """Loads the charter, follows its changes, takes new records and articles in."""

    def __init__(self, store: CharterStore, charter: Charter) -> None:
        self.store = store
        self.charter = charter
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Adopt what the database holds today. An article that no longer parses changes nothing."""
        today = datetime.now(UTC).date()
        records = usable(await self.store.records(), today)
        articles = await self.store.articles(today)
        self.charter.adopt(with_articles(articles), records=records)

    async def run(self, every: float = 3600) -> None:
        """Load at each change, and once an hour (articles begin and end on their days)."""
        following = asyncio.create_task(self.store.follow(self._changed.set))
        try:
            while True:
                try:
                    async with asyncio.timeout(every):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                self._changed.clear()
                try:
                    await self.load()
                except ClapasError as error:
                    log.error("the charter stays as it was: %s", error)
        finally:
            following.cancel()

    def check(self, record: DatasetRecord) -> tuple[Finding, ...]:
        """What is wrong with a record."""
        return validate(record, today=datetime.now(UTC).date())

    async def put(self, record: DatasetRecord, *, author: str) -> DatasetRecord:
        """Keep a record's next version. Raises InvalidInput, RecordInvalid, Conflict."""
        if not IDENTIFIER.fullmatch(record.id):
            raise InvalidInput("small letters, digits and hyphens", field="id")
        faults = [each for each in self.check(record) if each.severity == "error"]
        if faults:
            raise RecordInvalid(findings=[f"{each.field}: {each.code}" for each in faults])
        await self.store.add_record(record, author=author)
        await self.load()
        return record

    async def vote(self, article: ArticleRow) -> None:
        """Keep an article's next version. Raises CharterInvalid, InvalidInput."""
        if not article.deliberation.strip():
            raise InvalidInput("an article says which deliberation voted it", field="deliberation")
        if read_article(article.text) != article.id:
            raise InvalidInput("the text has another id", field="id")
        today = datetime.now(UTC).date()
        with_articles([*await self.store.articles(today), article])
        await self.store.add_article(article)
        await self.load()
