"""Tokens of OpenID Connect providers: whose they are, if they are good."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt

from api.access import claims
from api.access.claims import Names
from api.access.fetch import Declined, fetch
from api.access.issuer import Issuer
from api.access.settings import ANY_AUDIENCE, USERINFO, AccessSettings
from api.access.user import User, Verdict
from tescore.errors import Misconfigured, Unauthenticated

_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""What a token may call itself: there are also those that end sessions, and such."""
_WORDS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "has expired",
    jwt.ImmatureSignatureError: "is not valid yet",
    jwt.InvalidAudienceError: "is not for this service",
    jwt.InvalidSignatureError: "has a wrong signature",
    jwt.InvalidAlgorithmError: "is signed in a way that is not taken",
}


class Oidc:
    scheme = "Bearer"

    def __init__(self, settings: AccessSettings, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._settings = settings
        self._names = Names(settings.oidc_user_claim, settings.oidc_groups_claim, settings.oidc_prefix)
        self._issuers = {url: Issuer(url, clock) for url in settings.oidc_issuers}
        self._first = self._issuers[settings.oidc_issuers[0]]

    def takes(self, token: str) -> bool:
        """Whether a token is this method's to judge."""
        named = _unverified_issuer(token)
        return named in self._issuers if named is not None else bool(self._settings.oidc_opaque)

    def verdict(self, token: str) -> Verdict:
        """Raises Unauthenticated, and Unavailable if a provider does not answer."""
        named = _unverified_issuer(token)
        if named is None:
            return self._opaque(token)
        issuer = self._issuers[named]
        found = self._decoded(token, issuer)
        return Verdict(self._user(token, issuer, found), float(found["exp"]) + self._settings.oidc_skew_seconds)

    def _decoded(self, token: str, issuer: Issuer) -> Mapping[str, Any]:
        any_audience = ANY_AUDIENCE in self._settings.oidc_audiences
        try:
            header = jwt.get_unverified_header(token)
            if str(header.get("typ", "")).lower() not in _TYPES:
                raise Unauthenticated("The token is of a kind that shows nothing.")
            key = issuer.key(header.get("kid"))
            found: Mapping[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=key.algorithms,
                issuer=issuer.url,
                audience=None if any_audience else self._settings.oidc_audiences,
                leeway=self._settings.oidc_skew_seconds,
                options={"require": ["exp", "iss"], "verify_aud": not any_audience},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The token {_WORDS.get(type(error), 'is not valid')}.") from error
        return found

    def _user(self, token: str, issuer: Issuer, found: Mapping[str, Any]) -> User:
        wanted = (self._names.user, self._names.groups)
        if self._settings.oidc_userinfo and any(claims.claim(found, name) is None for name in wanted):
            more = self._userinfo(token, issuer)
            if more.get("sub") != found.get("sub"):
                raise Unauthenticated("The provider knows the token as another user's.")
            found = {**more, **found}
        return claims.user(found, issuer.url, self._names)

    def _opaque(self, token: str) -> Verdict:
        if not self._settings.oidc_opaque:
            raise Unauthenticated("The token is not valid.")
        if self._settings.oidc_opaque == USERINFO:
            return Verdict(claims.user(self._userinfo(token, self._first), self._first.url, self._names))
        found = self._introspected(token)
        ends = found.get("exp")
        if found.get("active") is not True or found.get("iss", self._first.url) != self._first.url:
            raise Unauthenticated("The provider does not know the token, or it has expired.")
        if not self._is_for_us(found.get("aud")):
            raise Unauthenticated("The token is not for this service.")
        user = self._user(token, self._first, found)
        return Verdict(user, float(ends) if isinstance(ends, int | float) else float("inf"))

    def _is_for_us(self, audience: Any) -> bool:
        named: Sequence[Any] = audience if isinstance(audience, list) else [audience]
        return bool({ANY_AUDIENCE, *named} & set(self._settings.oidc_audiences))

    def _introspected(self, token: str) -> Mapping[str, Any]:
        try:
            secret = Path(self._settings.oidc_client_secret_file).read_text().strip()
        except OSError as error:
            raise Misconfigured(f"The service's secret at the identity provider cannot be read ({error}).") from error
        pair = f"{quote(self._settings.oidc_client_id, safe='')}:{quote(secret, safe='')}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        where = self._first.endpoint("introspection_endpoint")
        try:
            return _mapping(fetch(where, form={"token": token}, headers=headers))
        except Declined as error:
            raise Misconfigured(f"{error} It does not let the service ask about tokens.") from error

    def _userinfo(self, token: str, issuer: Issuer) -> Mapping[str, Any]:
        where = issuer.endpoint("userinfo_endpoint")
        try:
            return _mapping(fetch(where, headers={"Authorization": f"Bearer {token}"}))
        except Declined as error:
            raise Unauthenticated("The provider does not know the token, or it has expired.") from error


def _unverified_issuer(token: str) -> str | None:
    """Who the token says it is from, to know whom to ask; None for one that is no JWT."""
    try:
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, RecursionError):
        return None
    return named if isinstance(named, str) else ""


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
