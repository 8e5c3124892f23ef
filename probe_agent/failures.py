"""The one exception that ends an attempt early."""

from probe_agent.classify import Verdict


class Failed(Exception):
    """An attempt is over, with this verdict. What the site did is data; only the way out of the transport is an exception."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict
