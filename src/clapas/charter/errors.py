"""What can go wrong with the charter.

OperatorError
└── CharterInvalid   an article does not parse, or uses a word that the vocabulary lacks
OwnerError
├── ArticleInvalid   a text that somebody proposes is no article of the charter
└── RecordInvalid    a dataset's record has faults that keep it from being used
"""

from clapas.domain.errors import InvalidInput, OperatorError


class CharterInvalid(OperatorError):
    """An article of the charter cannot be used."""

    code = "charter_invalid"


class ArticleInvalid(InvalidInput):
    """This text is not one article of the charter."""

    code = "article_invalid"


class RecordInvalid(InvalidInput):
    """This record has faults: correct them first."""

    code = "record_invalid"
