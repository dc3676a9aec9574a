"""What can go wrong with rules and alarms.

OwnerError
├── ImpossibleRule     a rule contradicts itself or can never be true
├── NoisyRule          a rule would raise many alarms: it asks first
├── NotInThatState     this cannot be done to the alarm as it is
├── OpenAnew           a closed alarm cannot be reopened beside a newer one
└── ReasonWanted       a closed alarm is reopened with a reason
"""

from clapas.domain.errors import Conflict, InvalidInput


class ImpossibleRule(InvalidInput):
    """This rule contradicts itself."""

    code = "impossible_rule"


class NoisyRule(Conflict):
    """This rule would have raised many alarms: confirm that it is wanted."""

    code = "noisy_rule"


class NotInThatState(Conflict):
    """This cannot be done to the alarm as it is."""

    code = "alarm_state"


class OpenAnew(Conflict):
    """The same rule has raised another alarm here since, and that one is open."""

    code = "alarm_open_anew"


class ReasonWanted(InvalidInput):
    """Say why this alarm is reopened."""

    code = "reopen_reason"
