from probe_agent.alarm import Message, Silence
from quivive.domain.times import SECOND_US

NOW_US = 1_767_225_600 * SECOND_US


def test_silence_is_told_once_with_when_it_began_and_its_end_once() -> None:
    silence = Silence(180, 1000.0)
    silence.hear(1010.0)
    assert silence.judge(1189.0, NOW_US) is None
    assert silence.judge(1190.0, NOW_US) == Message(NOW_US - 180 * SECOND_US, is_resolved=False)
    assert silence.judge(1300.0, NOW_US + 110 * SECOND_US) is None
    silence.hear(1310.0)
    assert silence.judge(1311.0, NOW_US) == Message(NOW_US - 180 * SECOND_US, is_resolved=True)
    assert silence.judge(1312.0, NOW_US) is None


def test_who_has_never_been_heard_is_silent_since_we_came() -> None:
    assert Silence(180, 1000.0).judge(1180.0, NOW_US) == Message(NOW_US - 180 * SECOND_US, is_resolved=False)
