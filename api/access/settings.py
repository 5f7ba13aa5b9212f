"""The settings of who may come in."""

from dataclasses import dataclass

from tescore.errors import BadSettings
from tescore.settings import setting
from tescore.tenant import TenantSettings

NONE, KUBERNETES, OIDC, BASIC = "none", "kubernetes", "oidc", "basic"
INTROSPECTION, USERINFO = "introspection", "userinfo"
ANY_AUDIENCE = "*"
NO_PREFIX = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings(TenantSettings):
    authentication: tuple[str, ...] = setting(
        "how users show who they are: oidc, kubernetes, basic, or none, which opens the service to everyone",
        default=(NONE,),
    )
    remembered_seconds: float = setting(
        "seconds that a user who was let in, and what they may do, is not asked about anew", default=30.0
    )
    kubernetes_audiences: tuple[str, ...] = setting(
        "audiences of which a Kubernetes token must be for one; a lone comma for those of the API server itself",
        default=("tesk",),
    )
    basic_file: str = setting("file of users and bcrypt hashes, as htpasswd -B makes it", default="/etc/tesk/htpasswd")
    oidc_issuers: tuple[str, ...] = setting("URLs of the OpenID Connect providers whose tokens are taken", default=())
    oidc_audiences: tuple[str, ...] = setting(
        "audiences of which a token must be for one; * takes a provider's tokens for any", default=()
    )
    oidc_user_claim: str = setting("claim with the user's name; a.b is b in a", default="sub")
    oidc_groups_claim: str = setting("claim with the user's groups; a.b is b in a", default="groups")
    oidc_prefix: str = setting(
        "what is put before users and groups of a provider, {issuer} being its URL; - is nothing", default="{issuer}#"
    )
    oidc_skew_seconds: float = setting("seconds that clocks may differ", default=30.0)
    oidc_userinfo: bool = setting("whether the provider is asked for claims that a token does not have", default=False)
    oidc_opaque: str = setting(
        "how tokens that are no JWT are checked at the first provider: introspection or userinfo; empty refuses them",
        default="",
    )
    oidc_client_id: str = setting("the service's own name at that provider, for introspection", default="")
    oidc_client_secret_file: str = setting("file with its secret there", default="/etc/tesk/oidc-client-secret")

    def __post_init__(self) -> None:
        if found := problems(self):
            raise BadSettings(found)


def problems(settings: AccessSettings) -> list[str]:
    """All that cannot be meant, with the variables' names."""
    methods = settings.authentication
    unknown = [name for name in methods if name not in {NONE, KUBERNETES, OIDC, BASIC}]
    issuers = [url for url in settings.oidc_issuers if not url.startswith(("https://", "http://"))]
    wrong = {
        f"TESK_AUTHENTICATION has {', '.join(unknown)}, which it cannot": unknown,
        "TESK_AUTHENTICATION is empty; to open the service to everyone, say none": not methods,
        "TESK_AUTHENTICATION has none beside others": NONE in methods and len(methods) > 1,
        "TESK_OIDC_ISSUERS is not set, and TESK_AUTHENTICATION has oidc": OIDC in methods and not settings.oidc_issuers,
        f"TESK_OIDC_ISSUERS has {', '.join(issuers)}, which is no http(s) URL": issuers,
        "TESK_OIDC_AUDIENCES is not set, and TESK_AUTHENTICATION has oidc; without it tokens that were given to other "
        "services would do, and * says that they may": OIDC in methods and not settings.oidc_audiences,
        f"TESK_OIDC_OPAQUE is {settings.oidc_opaque}, which is neither introspection nor userinfo": (
            settings.oidc_opaque not in {"", INTROSPECTION, USERINFO}
        ),
        "TESK_OIDC_OPAQUE is userinfo, which cannot tell for whom a token is; TESK_OIDC_AUDIENCES must be *": (
            settings.oidc_opaque == USERINFO and ANY_AUDIENCE not in settings.oidc_audiences
        ),
        "TESK_OIDC_CLIENT_ID is not set, and introspection needs it": (
            settings.oidc_opaque == INTROSPECTION and not settings.oidc_client_id
        ),
        "TESK_OIDC_PREFIX begins like names of Kubernetes or of the service": (
            settings.oidc_prefix.startswith(("system:", "tesk:", "basic:"))
        ),
        "TESK_OIDC_PREFIX has no {issuer}, and there are several": (
            len(settings.oidc_issuers) > 1 and "{issuer}" not in settings.oidc_prefix
        ),
    }
    return [problem for problem, so in wrong.items() if so]
