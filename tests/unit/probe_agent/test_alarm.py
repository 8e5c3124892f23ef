from probe_agent.alarm import Message, Silence, Turn
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


LOST, HEARD = Message(NOW_US, is_resolved=False), Message(NOW_US, is_resolved=True)


def test_the_first_of_a_region_tells_of_the_loss_and_of_its_end() -> None:
    turn = Turn()
    assert turn.due(None, is_ours=True) is None
    assert turn.due(LOST, is_ours=True) == LOST
    assert turn.due(None, is_ours=True) is None
    assert turn.due(HEARD, is_ours=False) == HEARD
    assert turn.due(None, is_ours=True) is None


def test_the_others_keep_silent_unless_the_first_dies_meanwhile() -> None:
    turn = Turn()
    assert turn.due(LOST, is_ours=False) is None
    assert turn.due(None, is_ours=False) is None
    assert turn.due(HEARD, is_ours=False) is None
    assert turn.due(LOST, is_ours=False) is None
    assert turn.due(None, is_ours=True) == LOST
    assert turn.due(None, is_ours=True) is None
    assert turn.due(HEARD, is_ours=False) == HEARD
