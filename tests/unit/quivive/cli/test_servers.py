"""Which server a command speaks to, and whether it shows its token there."""

from pathlib import Path

import pytest

from quivive.cli.failures import Failure
from quivive.cli.profiles import Profile, Profiles, load_profiles, save
from quivive.cli.servers import chosen, is_local

TOKEN = "qv_abc_secret"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keep(**profile: object) -> None:
    save(Profiles("p", {"p": Profile(name="p", **profile)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "address", "tls"),
    [
        ("", "127.0.0.1:50051", False),
        ("quivive.example:443", "quivive.example:443", False),
        ("https://quivive.example:443", "quivive.example:443", True),
        ("http://[2001:db8::1]:50051", "[2001:db8::1]:50051", False),
    ],
)
def test_a_server_is_named_by_host_and_port(text: str, address: str, tls: bool) -> None:
    server = chosen(text, {})
    assert (server.address, server.tls, server.token) == (address, tls, None)


@pytest.mark.parametrize("text", ["quivive", "quivive:0", "quivive:99999", "ftp://x:1", "x:1/path", "a b:1"])
def test_what_names_no_server_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="is not host:port"):
        chosen(text, {})


def test_no_token_travels_unencrypted_to_another_machine_by_accident() -> None:
    given = {"QUIVIVE_TOKEN": TOKEN}
    with pytest.raises(Failure, match="unencrypted") as refused:
        chosen("quivive.example:50051", given)
    assert TOKEN not in str(refused.value)
    assert chosen("http://quivive.example:50051", given).token == TOKEN
    assert chosen("https://quivive.example:443", given).token == TOKEN
    assert chosen("localhost:50051", given).token == TOKEN
    assert TOKEN not in repr(chosen("localhost:50051", given))


def test_a_profiles_token_goes_to_its_server_only(home: Path) -> None:
    keep(server="quivive.example:443", tls=True, token_env="MY_TOKEN")
    there = chosen("", {"MY_TOKEN": TOKEN})
    assert (there.address, there.tls, there.token) == ("quivive.example:443", True, TOKEN)
    assert chosen("127.0.0.1:50051", {"MY_TOKEN": TOKEN}).token is None
    with pytest.raises(Failure, match="is not the server of profile p"):
        chosen("evil.example:443", {"MY_TOKEN": TOKEN, "QUIVIVE_PROFILE": "p"})


def test_the_local_servers_token_is_found_in_the_data_directory(home: Path) -> None:
    for folder, token in ((".quivive/demo", "qv_demo"), (".quivive", "qv_own")):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / "token").write_text(f"{token}\n")
    assert chosen("", {}).token == "qv_own"
    assert chosen("quivive.example:443", {}).token is None
    assert chosen("", {"QUIVIVE_DATA_DIR": str(home / ".quivive/demo")}).token == "qv_demo"


def test_a_token_file_that_others_may_read_is_refused(home: Path) -> None:
    file = home / "token"
    file.write_text(TOKEN)
    file.chmod(0o640)
    with pytest.raises(Failure, match="others may read"):
        chosen("", {"QUIVIVE_TOKEN_FILE": str(file)})
    file.chmod(0o600)
    assert chosen("", {"QUIVIVE_TOKEN_FILE": str(file)}).token == TOKEN


@pytest.mark.parametrize("token", ["", "two words", "x\ny", "é", "a" * 5000])
def test_what_is_no_token_is_refused_without_showing_it(token: str, home: Path) -> None:
    file = home / "token"
    file.write_text(token)
    file.chmod(0o600)
    with pytest.raises(Failure, match="holds no token"):
        chosen("", {"QUIVIVE_TOKEN_FILE": str(file)})


def test_profiles_are_kept_as_they_were(home: Path) -> None:
    kept = Profiles(
        "a b",
        {"a b": Profile(name="a b", server='x:1"\\', tls=True, ca="/é\x7f"), "c": Profile(name="c", server="y:2")},
    )
    save(kept)
    assert load_profiles() == kept
    assert (home / "config/quivive/profiles.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "profiles.toml"),
        ("other = 1", "nothing else"),
        ("[profiles.p]\nserver = 1", "wrong type"),
        ("[profiles.p]\ntoken = 'x'", "unknown key"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(home: Path, text: str, reason: str) -> None:
    file = home / "config/quivive/profiles.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(Failure, match=reason):
        load_profiles()


def test_this_machine_is_known_by_its_names() -> None:
    assert [is_local(f"{host}:1") for host in ("127.0.0.1", "127.8.8.8", "[::1]", "localhost")] == [True] * 4
    assert not is_local("10.0.0.1:1")
