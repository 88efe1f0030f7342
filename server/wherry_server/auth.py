"""Bearer tokens and their scopes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal, cast, get_args

from wherry.errors import Forbidden, InvalidInput, Unauthorized
from wherry.storage.http_hello import is_token

Scope = Literal["observe", "submit", "work", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

Scopes = frozenset[Scope]
EVERY_SCOPE: Scopes = frozenset(SCOPES)


class Tokens:
    """Which token may do what.

    Only digests are kept, so that comparing takes the same time whatever the token, and no
    traceback or dump of this object shows one.

    Args:
        tokens: scopes by token.  None or empty: every request may do everything.
    """

    def __init__(self, tokens: Mapping[str, Iterable[str]] | None) -> None:
        self._scopes = {_digest(token): _checked(token, scopes) for token, scopes in (tokens or {}).items()}

    @property
    def open(self) -> bool:
        """No token is asked for."""
        return not self._scopes

    def scopes_of(self, authorization: str | None) -> Scopes:
        """What the bearer of an `Authorization` header may do.  Raises: `Unauthorized`."""
        if self.open:
            return EVERY_SCOPE
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized()
        given = _digest(token.strip())
        found: Scopes | None = None
        # All of them, also after a match: the time tells nothing.
        for known, scopes in self._scopes.items():
            if hmac.compare_digest(known, given):
                found = scopes
        if found is None:
            raise Unauthorized("the server does not know this token: ask its operator for another.")
        return found


def require(scopes: Scopes, *any_of: Scope) -> None:
    """Raises: `Forbidden` unless one of the scopes is there."""
    if not scopes.intersection(any_of):
        raise Forbidden(any_of[0])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _checked(token: str, scopes: Iterable[str]) -> Scopes:
    given = frozenset((scopes,) if isinstance(scopes, str) else scopes)
    unknown = given.difference(SCOPES)
    if not is_token(token):
        raise InvalidInput(
            "create_app", ["tokens: a token is one or more visible ASCII characters, no spaces"]
        )
    if unknown or not given:
        raise InvalidInput(
            "create_app", [f"tokens: scopes are some of {', '.join(SCOPES)}, not {sorted(given)}"]
        )
    return cast("Scopes", given)
