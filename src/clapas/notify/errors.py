"""What can go wrong with messages to people.

OperatorError
└── NotDelivered    the channel did not take the message: it is tried again
"""

from clapas.domain.errors import OperatorError


class NotDelivered(OperatorError):
    """The channel did not take the message."""

    code = "not_delivered"
