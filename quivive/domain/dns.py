"""DNS records as people write them, in one spelling each, so that what is expected and what is answered can be compared."""

from ipaddress import IPv4Address, IPv6Address

RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
"""The types that a check may ask for."""
_NUMBERS = {"MX": 1, "SRV": 3}
"""Fields before the host's name."""
MAX_TEXT = 4096


def canonical(record: str, answer: str) -> str:
    """The one spelling of an answer of this type: `10 mail.example.com`. ValueError says how it is written."""
    if len(answer) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    text = answer.strip()
    match record:
        case "A":
            return str(_address(IPv4Address, text))
        case "AAAA":
            return str(_address(IPv6Address, text))
        case "CNAME" | "NS" | "PTR":
            return _host(text)
        case "MX" | "SRV":
            *numbers, host = text.split() or [""]
            if len(numbers) != _NUMBERS[record] or not all(number.isdecimal() for number in numbers):
                form = "10 mail.example.com" if record == "MX" else "10 5 5060 sip.example.com"
                raise ValueError(f"{answer!r} is not an answer of type {record}, write it like {form}")
            return " ".join([*(str(int(number)) for number in numbers), _host(host) if host != "." else "."])
        case "SOA":
            return " ".join(part.removesuffix(".").lower() for part in text.split())
        case "CAA":
            flags, tag, value = (*text.split(None, 2), "", "", "")[:3]
            if not flags.isdecimal() or not tag:
                raise ValueError(f'{answer!r} is not an answer of type CAA, write it like 0 issue "letsencrypt.org"')
            return f'{int(flags)} {tag.lower()} "{_unquoted(value)}"'
        case "TXT":
            return _unquoted(text)
        case _:
            raise ValueError(
                f"{record} is not a record type that can be asked for; there are {', '.join(RECORD_TYPES)}"
            )


def _address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> IPv4Address | IPv6Address:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv{4 if kind is IPv4Address else 6} address") from None


def _host(text: str) -> str:
    host = text.removesuffix(".").lower()
    if not host or len(host) > 253 or any(not 0 < len(label) <= 63 for label in host.split(".")) or " " in host:
        raise ValueError(f"{text!r} is not a host name")
    return host


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
