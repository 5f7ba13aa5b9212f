"""Which network addresses the service may connect to where others name the host."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tescore.errors import BadSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Range = ipaddress.IPv4Network | ipaddress.IPv6Network

DENIED: tuple[Range, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128",  # the pod itself
        "169.254.0.0/16", "fe80::/10",  # the node's link, where most clouds have their metadata
        "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",  # and where others have it
        "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", "fd00:c1::a9fe:a9fe/128",
    )
)  # fmt: skip
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses behind NAT64."""


@dataclass(frozen=True, slots=True)
class Rules:
    denied: tuple[Range, ...] = DENIED
    allowed: tuple[Range, ...] = ()
    """Exceptions from the denied ones."""
    hosts: frozenset[str] = frozenset()
    """Names that are denied as well."""

    def permit(self, address: str) -> bool:
        """Of an address as `socket.getaddrinfo` has it, which may name its link after a `%`."""
        meant = _meant(ipaddress.ip_address(address.partition("%")[0]))
        return any(meant in network for network in self.allowed) or not any(meant in each for each in self.denied)

    def deny_name(self, host: str) -> bool:
        """Of a host's name in any case, with or without the dot at its end."""
        return host.rstrip(".").lower() in self.hosts


def rules(denied: Sequence[str], allowed: Sequence[str], api_server: str = "") -> Rules:
    """The rules for ranges beside the built-in ones, and for the API server's host. Raises BadSettings."""
    api_address, hosts = ([api_server], frozenset[str]()) if _is_address(api_server) else ([], {api_server.lower()})
    return Rules(
        denied=(*DENIED, *_ranges("TESK_DENIED_RANGES", denied), *_ranges("KUBERNETES_SERVICE_HOST", api_address)),
        allowed=tuple(_ranges("TESK_ALLOWED_RANGES", allowed)),
        hosts=frozenset(filter(None, hosts)),
    )


def _meant(address: Address) -> Address:
    """The IPv4 address that is written as an IPv6 one, where it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    translated = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
    return address.ipv4_mapped or address.sixtofour or translated or address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ranges(variable: str, texts: Iterable[str]) -> list[Range]:
    try:
        return [ipaddress.ip_network(text, strict=False) for text in texts]
    except ValueError as error:
        raise BadSettings([f"{variable}: {error}, as in 10.0.0.0/8"]) from error
