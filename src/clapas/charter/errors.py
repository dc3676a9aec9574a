"""What can go wrong with the charter.

OperatorError
└── CharterInvalid   an article does not parse, or uses a word that the vocabulary lacks
OwnerError
└── RecordInvalid    a dataset's record has faults that keep it from being used
"""

from clapas.domain.errors import InvalidInput, OperatorError


class CharterInvalid(OperatorError):
    """An article of the charter cannot be used."""

    code = "charter_invalid"


class RecordInvalid(InvalidInput):
    """This record has faults: correct them first."""

    code = "record_invalid"
