"""What can go wrong when somebody says who they are.

OwnerError
├── SignInFailed      the login or the password is wrong (never says which)
├── SecondFactorNeeded  the password is right, the code is missing
├── LockedOut         too many failures: wait, see ``retry_after`` seconds
├── LinkSpent         the one-time link was used, or is too old
├── WeakPassword      the password is too short or too common
├── LoginTaken        another account has this login
├── OwnRole           nobody gives themselves a role
├── ClaimRefused      a claim code or a device's certificate lets nothing in: ``reason`` says why
├── FederationRefused another system's word is not taken: see ``reason``
└── PasskeyRefused    this passkey is unknown, or did not sign what was asked
"""

from clapas.domain.errors import Conflict, InvalidInput, TooMany, Unauthenticated


class SignInFailed(Unauthenticated):
    """The login or the password is wrong."""

    code = "sign_in_failed"


class SecondFactorNeeded(Unauthenticated):
    """A code of your second factor is needed."""

    code = "second_factor_needed"


class LockedOut(TooMany):
    """Too many failures: wait before the next try."""

    code = "locked_out"


class LinkSpent(Unauthenticated):
    """This link was used already, or is too old."""

    code = "link_spent"


class WeakPassword(InvalidInput):
    """This password is too easy to guess."""

    code = "weak_password"


class LoginTaken(Conflict):
    """Another account has this login."""

    code = "login_taken"


class OwnRole(Conflict):
    """Nobody gives themselves a role: another administrator does, or another account of yours is invited."""

    code = "own_role"


class ClaimRefused(Unauthenticated):
    """This claim code or certificate does not let this device in."""

    code = "claim_refused"


class FederationRefused(Unauthenticated):
    """The sign-in elsewhere does not open this platform."""

    code = "federation_refused"


class PasskeyRefused(Unauthenticated):
    """This passkey does not open this account."""

    code = "passkey_refused"
