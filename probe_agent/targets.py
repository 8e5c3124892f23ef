"""What there is to look at, one kind of target per kind of check."""

from dataclasses import dataclass

from quivive.domain.pages import PageBaseline


@dataclass(frozen=True, slots=True)
class HttpAuth:
    """Who we say that we are; `secret` names a variable of the agent's own environment."""

    secret: str
    user: str = ""
    """Basic under this user; empty: a bearer token."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a page's content is compared with its own past."""

    outage: bool = False
    """A page that drifted is DOWN; otherwise it is only told of."""
    baseline: PageBaseline | None = None
    """None while it is being learned."""


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """What to get, and what has to come back."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside the agent's own."""
    expect_status: frozenset[int] = frozenset()
    """Accepted statuses; empty means 200 to 299, after redirects."""
    body_contains: str = ""
    body_excludes: str = ""
    max_latency_us: int = 0
    """0: no limit but the timeout."""
    method: str = "GET"
    body: bytes = b""
    auth: HttpAuth | None = None
    drift: Drift | None = None
    """None: the content is not compared."""
    ip_family: int = 0
    """4 or 6: only addresses of this family; 0: any."""
    uncached: bool = False
    """Each attempt adds a parameter to the query that no cache has seen."""

    def accepts(self, status: int) -> bool:
        return status in self.expect_status if self.expect_status else 200 <= status <= 299


@dataclass(frozen=True, slots=True)
class TcpTarget:
    """A connection, and what is said on it."""

    host: str
    port: int
    tls: bool = False
    send: bytes = b""
    expect: bytes = b""
    """Must appear in what comes back; empty: nothing is waited for."""
    max_latency_us: int = 0
    ip_family: int = 0


@dataclass(frozen=True, slots=True)
class DnsTarget:
    """A question to name servers, and the answers that are expected."""

    name: str
    record: str = "A"
    expect: frozenset[str] = frozenset()
    """As `quivive.domain.dns` writes them; empty: any answer is good."""
    exact: bool = False
    """Nothing but the expected may be answered."""
    resolvers: tuple[str, ...] = ()
    """address:port; each must answer well. Empty: the agent's own."""
    max_latency_us: int = 0


Target = HttpTarget | TcpTarget | DnsTarget
