"""What a failing attempt saw, as far as a cause can be told from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quivive.domain.words import Cause

_CDN_HEADERS = ("cf-ray", "x-sucuri-id", "x-amz-cf-id", "x-iinfo", "x-akamai-request-id", "x-fastly-request-id")
_CDN_SERVERS = ("cloudflare", "sucuri", "cloudfront", "akamai", "imperva", "ddos-guard")


@dataclass(frozen=True, slots=True)
class Witness:
    """One failing attempt. Times in µs since the Unix epoch; what was not seen is empty."""

    region: str
    slot_us: int
    attempt: int
    end_us: int
    cause: Cause
    http_status: int = 0
    detail: str = ""
    address: str = ""
    """The address that was tried, with its port."""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: str = ""
    """The beginning of the decoded body."""

    @property
    def behind_cdn(self) -> bool:
        """The answer came through a content delivery network or a web application firewall."""
        server = self.headers.get("server", "").lower()
        return any(name in self.headers for name in _CDN_HEADERS) or any(name in server for name in _CDN_SERVERS)

    def says(self, *texts: str) -> bool:
        """Whether the page shows one of these lower-case texts."""
        body = self.body.lower()
        return any(text in body for text in texts)
