"""Handshakes between two memory buffers, against the standard library's own server side."""

import gc
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from probe_agent.certificates import Certificates
from probe_agent.tls import Client, Conversation, Session

ADDRESS = "192.0.2.7"


class Site:
    """A self-signed server; its certificate, no authority's, is its own anchor."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Boulangerie")])
        now = datetime.now(UTC)
        names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ip_address(ADDRESS))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.encoded = certificate.public_bytes(serialization.Encoding.DER)
        self.anchor = folder / "anchor.pem"
        self.anchor.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = folder / "key.pem"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.anchor, secret)


def talk(site: Site, conversation: Conversation, *, hears: bool = True) -> bytes | None:
    """Shake hands, and hear what the site says, unless the client leaves before."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = site.context.wrap_bio(incoming, outgoing, server_side=True)

    def answer() -> None:
        incoming.write(conversation.give())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        conversation.take(outgoing.read())

    while not conversation.shake_hands():
        answer()
    answer()
    if not hears:
        return None
    server.write(b"hello")
    conversation.take(outgoing.read())
    return conversation.read()


def client(site: Site) -> Client:
    return Client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), [site.anchor])


@pytest.mark.parametrize(
    ("certified", "host"),
    [
        ("www.example.com", "WWW.example.com"),
        ("*.example.com", "www.example.com"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("www.example.com", ADDRESS),
    ],
)
def test_a_certificate_for_the_host_is_accepted(tmp_path: Path, certified: str, host: str) -> None:
    site = Site(tmp_path, certified)
    conversation = client(site).begin(host)
    assert talk(site, conversation) == b"hello"
    assert not conversation.is_resumed
    assert conversation.chain() == [site.encoded]
    known = Certificates().read(conversation)
    assert known is not None
    assert (known.subject, known.names, known.protocol) == ("CN=Boulangerie", (certified, ADDRESS), "TLSv1.3")


@pytest.mark.parametrize(
    ("certified", "host", "code"),
    [
        ("www.example.com", "example.com", 62),
        ("*.example.com", "a.b.example.com", 62),
        ("w*.example.com", "www.example.com", 62),
        ("www.example.com", "192.0.2.8", 64),
    ],
)
def test_a_certificate_for_another_host_is_refused(tmp_path: Path, certified: str, host: str, code: int) -> None:
    site = Site(tmp_path, certified)
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        talk(site, client(site).begin(host))
    assert refused.value.verify_code == code


def test_what_no_anchor_vouches_for_is_refused_and_can_be_looked_at_nevertheless(tmp_path: Path) -> None:
    site = Site(tmp_path, "www.example.com")
    stranger = Client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        talk(site, stranger.begin("www.example.com"))
    assert refused.value.verify_code == 18
    conversation = stranger.begin("www.example.com", verify=False)
    talk(site, conversation)
    assert conversation.certificate() == site.encoded


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_as_often_as_one_likes(tmp_path: Path, version: ssl.TLSVersion) -> None:
    site = Site(tmp_path, "www.example.com")
    site.context.maximum_version = version
    here = client(site)
    first = here.begin("www.example.com")
    talk(site, first)
    session = first.session()
    assert isinstance(session, Session)
    del first
    gc.collect()
    for hears in (True, False, True):
        again = here.begin("www.example.com", session)
        talk(site, again, hears=hears)
        assert again.is_resumed
        assert again.session() is None


def test_a_server_without_tickets_gives_nothing_to_resume(tmp_path: Path) -> None:
    site = Site(tmp_path, "www.example.com")
    site.context.num_tickets = 0
    conversation = client(site).begin("www.example.com")
    talk(site, conversation)
    assert conversation.session() is None


def test_an_anchor_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(ValueError, match=r"broken\.pem"):
        Client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), [broken]).load()


def test_records_that_make_no_sense_are_an_error_and_leave_the_next_connection_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, "www.example.com")
    here = client(site)
    for noise in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"):
        conversation = here.begin("www.example.com")
        conversation.shake_hands()
        conversation.take(noise)
        with pytest.raises(ssl.SSLError) as broken:
            conversation.shake_hands()
        assert broken.value.reason in ("WRONG_VERSION_NUMBER", "SSLV3_ALERT_HANDSHAKE_FAILURE", "HTTP_REQUEST")
    assert talk(site, here.begin("www.example.com")) == b"hello"
