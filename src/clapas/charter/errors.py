"""What can go wrong with the charter.

OperatorError
└── CharterInvalid   an article does not parse, or uses a word that the vocabulary lacks
"""

from clapas.domain.errors import OperatorError


class CharterInvalid(OperatorError):
    """An article of the charter cannot be used."""

    code = "charter_invalid"
