from probe_agent.certificates import Certificate
from probe_agent.sessions import Known, Sessions
from probe_agent.tls import Session

NOW_US = 1_795_305_600_000_000
DAY_US = 86_400_000_000
SERVER = ("www.example.com", "192.0.2.7:443")
CERTIFICATE = Certificate("CN=www.example.com", "CN=R11", (), NOW_US - DAY_US, NOW_US + DAY_US, "ab")


def known(verified_at: float, certificate: Certificate = CERTIFICATE, session: Session | None = None) -> Known:
    return Known(session, certificate, verified_at)


def test_what_was_verified_lately_is_found_and_what_was_not_has_to_be_verified_again() -> None:
    sessions = Sessions(verified_for_s=600)
    sessions.add(SERVER, known(1000.0))
    assert sessions.find(SERVER, 1599.0, NOW_US) is not None
    assert sessions.find(("www.example.com", "192.0.2.8:443"), 1599.0, NOW_US) is None
    assert sessions.find(SERVER, 1600.0, NOW_US) is None
    assert len(sessions) == 0


def test_a_certificate_that_expires_in_between_is_not_resumed() -> None:
    sessions = Sessions()
    sessions.add(SERVER, known(0.0))
    assert sessions.find(SERVER, 1.0, CERTIFICATE.not_after_us - 1) is not None
    assert sessions.find(SERVER, 1.0, CERTIFICATE.not_after_us) is None


def test_nothing_is_resumed_after_a_failure() -> None:
    sessions = Sessions()
    sessions.add(SERVER, known(0.0))
    sessions.forget(SERVER)
    assert sessions.find(SERVER, 1.0, NOW_US) is None


def test_when_it_is_full_newcomers_go_without_until_others_are_stale() -> None:
    sessions = Sessions(max_sessions=2, verified_for_s=600)
    for number in range(2):
        server = "site", f"192.0.2.{number}:443"
        assert sessions.has_room(server, float(number))
        sessions.add(server, known(float(number)))
    assert not sessions.has_room(("site", "192.0.2.0:443"), 2.0)
    assert not sessions.has_room(SERVER, 599.0)
    assert sessions.has_room(SERVER, 600.0)
