"""What can go wrong at the gateway.

OwnerError
└── QuotaExceeded   the plan's calls are used up: wait, see ``retry_after`` seconds
"""

from clapas.domain.errors import OwnerError, TooMany


class QuotaExceeded(TooMany):
    """The calls of this plan are used up for now."""

    code = "quota_exceeded"


class ApiRetired(OwnerError):
    """This version of the API has ended."""

    code = "api_retired"
    status = 410
