"""Exports of UptimeRobot and MainWP, and any CSV."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.configuration.validate import validate
from quivive.importing import Imported, Unreadable, Wishes, build, read
from quivive.importing.ids import MAX_ID, id_from, unique

V2: list[dict[str, Any]] = [
    {"id": 1, "friendly_name": "Boulangerie", "url": "https://martin.example/", "type": 1, "interval": 300, "timeout": 30,
     "status": 2},
    {"id": 2, "friendly_name": "Hacked?", "url": "https://martin.example/", "type": 2, "keyword_type": 1, "keyword_value": "HACKED",
     "interval": 60, "status": 0, "http_username": "u", "http_password": "hunter2"},
    {"id": 3, "friendly_name": "Ping", "url": "192.0.2.7", "type": 3, "interval": 300},
    {"id": 4, "friendly_name": "Mail", "url": "mail.martin.example", "type": 4, "sub_type": "4", "port": "", "interval": 300},
    {"id": 5, "friendly_name": "Cron", "url": "https://heartbeat.uptimerobot.com/x", "type": 5, "interval": 86400},
]  # fmt: skip
V3: list[dict[str, Any]] = [
    {"id": 1, "friendlyName": "Boulangerie", "url": "https://martin.example/", "type": "HTTP", "interval": 300, "timeout": 30,
     "status": "UP", "httpMethodType": "HEAD", "successHttpResponseCodes": ["2xx", "3xx"], "tags": [{"id": 1, "name": "Martin"}]},
    {"id": 2, "friendlyName": "Hacked?", "url": "https://martin.example/", "type": "KEYWORD", "keywordType": "ALERT_EXISTS",
     "keywordValue": "HACKED", "interval": 60, "status": "PAUSED", "authType": "BASIC", "httpUsername": "u",
     "httpPassword": "hunter2"},
    {"id": 3, "friendlyName": "Ping", "url": "192.0.2.7", "type": "PING", "interval": 300},
    {"id": 4, "friendlyName": "Mail", "url": "mail.martin.example", "type": "PORT", "port": 25, "interval": 300},
    {"id": 5, "friendlyName": "Cron", "url": "", "type": "HEARTBEAT", "interval": 86400, "gracePeriod": 600},
]  # fmt: skip

USUAL = Wishes()


def imported(file: Path, wishes: Wishes = USUAL, source: str = "") -> tuple[str, Imported]:
    name, monitors = read(file, source)
    made = build(monitors, wishes)
    validate(made.data)
    return name, made


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"stat": "ok", "pagination": {"total": 5}, "monitors": V2}),
        json.dumps([{"stat": "ok", "monitors": V2[:2]}, {"stat": "ok", "monitors": V2[2:]}]),
        json.dumps({"nextLink": None, "data": V3}),
    ],
)
def test_uptimerobots_monitors_are_taken_from_its_api(tmp_path: Path, text: str) -> None:
    (tmp_path / "monitors.json").write_text(text)
    name, made = imported(tmp_path / "monitors.json", Wishes(services_to="boulangerie"))
    assert name == "uptimerobot"
    assert [fate.became for fate in made.fates] == [
        *("sites/boulangerie", "sites/hacked", "", "sites/boulangerie/checks/mail", "sites/boulangerie/checks/cron")
    ]
    first, second = made.data["sites"]
    assert (first["url"], first["interval"], first["timeout"]) == ("https://martin.example/", "5min", "30s")
    assert "expect" not in first
    assert second["expect"] == {"body_excludes": "HACKED"}
    assert second["paused"]
    assert second["auth"] == {"user": "u", "password": "QUIVIVE_SECRET_HACKED"}
    assert made.secrets == {"QUIVIVE_SECRET_HACKED": "hunter2"}
    assert "hunter2" not in json.dumps(made.data)
    assert first["checks"][0]["tcp"] == {"host": "mail.martin.example", "port": 25}


def test_uptimerobots_csv_is_recognised_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(
        "Type,Friendly Name,URL/IP,Interval,Keyword Type,Keyword Value,Port,Tags\n"
        "HTTP,Shop,https://shop.example/,300,,,,\n"
        'Keyword,Words,https://words.example/,60,not exists,"Welcome, you",,Martin\n'
        "Port,SSH,shop.example,60,,,22,\n"
    )
    name, made = imported(tmp_path / "export.csv", Wishes(by_tag="any"))
    assert name == "uptimerobot"
    shop, words = made.data["sites"]
    assert words["expect"] == {"body_contains": "Welcome, you"}
    assert (words["customer"], shop["customer"]) == ("martin", "imported")
    assert shop["checks"][0]["tcp"] == {"host": "shop.example", "port": 22}


def test_mainwps_export_ends_its_lines_by_a_carriage_return_and_holds_passwords(tmp_path: Path) -> None:
    header = "site name,url,admin name,admin password,tag,security id,http username,http password,verify certificate,ssl version"
    rows = [
        '"Boulangerie ""Martin""","https://martin.example/","admin","hunter2","Martin, Bakers","id","","","1","auto"',
        '"Shop","https://shop.example/","admin","hunter2","","","check","hunter2-http","0","auto"',
        '"Nowhere","","admin","","","","","","1","auto"',
    ]
    (tmp_path / "export-sites.csv").write_bytes(("#\r# kept\r#\r" + header + "\r" + "\r".join(rows) + "\r").encode())
    name, made = imported(tmp_path / "export-sites.csv", Wishes(by_tag="any"))
    assert name == "mainwp"
    assert [(site["id"], site["customer"], site["preset"]) for site in made.data["sites"]] == [
        ("boulangerie-martin", "martin", "wordpress"),
        ("shop", "imported", "wordpress"),
    ]
    assert made.fates[1].changes[0] == "its certificate is verified (was ignored)"
    assert made.fates[2].refusal == "it has no URL"
    assert made.secrets == {"QUIVIVE_SECRET_SHOP": "hunter2-http"}
    assert "hunter2" not in json.dumps(made.data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_as_a_spreadsheet_writes_it(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [
        ("Name", "URL", "Customer", "Interval", "Timeout", "Contains", "Status"),
        ("Café", "https://café.example/", "Hôtel de Ville", "5min", "5", "Où", "200 401"),
        ("Blog", "blog.example", "", "", "", "", ""),
    ]
    (tmp_path / "sites.csv").write_text("\n".join(separator.join(row) for row in rows), encoding)
    name, made = imported(tmp_path / "sites.csv", Wishes(by_tag="customer"))
    assert name == "csv"
    assert made.data["sites"] == [
        {"id": "cafe", "customer": "hotel-de-ville", "url": "https://café.example/", "timeout": "5s", "interval": "5min",
         "expect": {"status": [200, 401], "body_contains": "Où"}},
        {"id": "blog", "customer": "imported", "url": "https://blog.example"},
    ]  # fmt: skip


def test_a_list_of_urls_needs_no_header(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("https://a.example/\nhttps://www.b.example/shop\nhttps://a.example/\n")
    _, made = imported(tmp_path / "list.txt")
    assert [site["id"] for site in made.data["sites"]] == ["a-example", "b-example-shop", "a-example-2"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no rows"),
        (b"a,b\n1,2\n", "no column `url`"),
        (b'{"stat": "fail"}', "has no `monitors`"),
        (b"{", "is not JSON"),
        (b"SQLite format 3\x00" + b"rubbish" * 100, "Uptime Kuma"),
        (b"\x00\x01\x02", "is not text"),
    ],
)
def test_a_file_that_is_none_of_them_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        read(tmp_path / "file")


@given(st.text(max_size=200), st.sets(st.text("ab-1", max_size=5)))
def test_an_id_is_made_of_any_name(name: str, taken: set[str]) -> None:
    from quivive.configuration.values import check_id

    made = unique(id_from(name) or "site", taken)
    assert check_id(made) == made
    assert made not in taken
    assert len(made) <= MAX_ID
