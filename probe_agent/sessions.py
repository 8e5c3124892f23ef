"""TLS sessions of the servers that are looked at often, so that most handshakes cost a third.

1. A session is resumed only while its certificate is known to be good: verified in full at most ten minutes ago, not expired,
   and no attempt at that server has failed since.
2. A session holds 12 KiB. When there are enough of them, further servers shake hands in full rather than push others out: with a
   schedule that goes round, the one pushed out would be the next one needed.
"""

from collections import OrderedDict
from dataclasses import dataclass

from probe_agent.certificates import Certificate
from probe_agent.tls import Session

MAX_SESSIONS = 2000
VERIFIED_FOR_S = 600.0
"""How long a full handshake's verification is believed."""

Server = tuple[str, str]
"""The name that was asked for, and the address with its port."""


@dataclass(frozen=True, slots=True)
class Known:
    """A server that was verified."""

    session: Session | None
    """None: the server gives none, or does not take it back. It is asked again when the verification is stale."""
    certificate: Certificate
    verified_at: float


class Sessions:
    """What can be resumed. `now` is seconds on a clock that only goes forward, `now_us` the wall clock's microseconds."""

    def __init__(self, max_sessions: int = MAX_SESSIONS, verified_for_s: float = VERIFIED_FOR_S) -> None:
        self._max = max_sessions
        self._verified_for_s = verified_for_s
        # In the order in which they were verified: the first is the first that is stale.
        self._known: OrderedDict[Server, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, server: Server, now: float, now_us: int) -> Known | None:
        """What may be resumed now, or None: then the handshake has to be a full one."""
        known = self._known.get(server)
        if known is None:
            return None
        is_fresh = now - known.verified_at < self._verified_for_s
        if is_fresh and known.certificate.not_before_us <= now_us < known.certificate.not_after_us:
            return known
        del self._known[server]
        return None

    def has_room(self, server: Server, now: float) -> bool:
        """Whether a session is worth reading: it is not there yet, and there is a place."""
        if server in self._known:
            return False
        while self._known and now - next(iter(self._known.values())).verified_at >= self._verified_for_s:
            self._known.popitem(last=False)
        return len(self._known) < self._max

    def add(self, server: Server, known: Known) -> None:
        self._known[server] = known

    def forget(self, server: Server) -> None:
        """After any failure: the next handshake verifies in full."""
        self._known.pop(server, None)
