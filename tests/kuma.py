"""A `kuma.db` as Uptime Kuma leaves behind: monitors of every type, among them values that nobody would expect.

The columns are those of its migrations (louislam/uptime-kuma, db/); version 1 lacks what later ones added.
"""

import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

V1 = {
    "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "name": "VARCHAR(150)",
    "active": "BOOLEAN DEFAULT 1 NOT NULL",
    "user_id": "INTEGER",
    "interval": "INTEGER DEFAULT 20 NOT NULL",
    "url": "TEXT",
    "type": "VARCHAR(20)",
    "hostname": "VARCHAR(255)",
    "port": "INTEGER",
    "keyword": "VARCHAR(255)",
    "maxretries": "INTEGER NOT NULL DEFAULT 0",
    "ignore_tls": "BOOLEAN DEFAULT 0 NOT NULL",
    "upside_down": "BOOLEAN DEFAULT 0 NOT NULL",
    "maxredirects": "INTEGER DEFAULT 10 NOT NULL",
    "accepted_statuscodes_json": "TEXT DEFAULT '[\"200-299\"]' NOT NULL",
    "dns_resolve_type": "VARCHAR(5)",
    "dns_resolve_server": "VARCHAR(255)",
    "retry_interval": "INTEGER DEFAULT 0 NOT NULL",
    "push_token": "VARCHAR(20)",
    "method": "TEXT DEFAULT 'GET' NOT NULL",
    "body": "TEXT",
    "headers": "TEXT",
    "basic_auth_user": "TEXT",
    "basic_auth_pass": "TEXT",
    "proxy_id": "INTEGER",
    "auth_method": "VARCHAR(250)",
    "parent": "INTEGER",
    "invert_keyword": "BOOLEAN DEFAULT 0 NOT NULL",
    "json_path": "TEXT",
    "expected_value": "VARCHAR(255)",
    "timeout": "DOUBLE DEFAULT 0 NOT NULL",
    "http_body_encoding": "VARCHAR(25)",
    "docker_container": "VARCHAR(255)",
    "database_connection_string": "VARCHAR(2000)",
}
V2 = V1 | {
    "conditions": "TEXT NOT NULL DEFAULT '[]'",
    "cache_bust": "BOOLEAN NOT NULL DEFAULT 0",
    "ip_family": "VARCHAR(4)",
    "smtp_security": "VARCHAR(255)",
    "expected_tls_alert": "VARCHAR(50)",
    "subtype": "VARCHAR(10)",
    "bearer_token": "TEXT",
}
OTHER_TYPES = (
    *("ping", "docker", "manual", "steam", "gamedig", "mqtt", "rabbitmq", "kafka-producer", "sqlserver", "postgres"),
    *("mysql", "mongodb", "oracledb", "redis", "radius", "snmp", "ntp", "sip-options", "grpc-keyword", "pm2"),
    *("websocket-upgrade", "tailscale-ping", "system-service", "real-browser", "from-the-future"),
)
SECRETS = ("hunter2-basic", "hunter2-bearer", "hunter2-header", "hunter2-cookie")
ODD: tuple[dict[str, Any], ...] = (
    {"type": "http", "url": None},
    {"type": "http", "url": "https://"},
    {"type": "http", "url": "https://user:hunter2-url@example.com/"},
    {"type": "http", "url": "https://exa mple.com/"},
    {"type": "http", "url": "ftp://example.com/"},
    {"type": "http", "url": "https://" + "a" * 3000 + ".example/"},
    {"type": "http", "url": "https://[::1/"},
    {"type": "http", "url": "https://odd.example/", "interval": 1},
    {"type": "http", "url": "https://odd.example/", "interval": 10**9},
    {"type": "http", "url": "https://odd.example/", "interval": "often"},
    {"type": "http", "url": "https://odd.example/", "timeout": 0.001},
    {"type": "http", "url": "https://odd.example/", "timeout": 1e300},
    {"type": "http", "url": "https://odd.example/", "accepted_statuscodes_json": "not json"},
    {"type": "http", "url": "https://odd.example/", "accepted_statuscodes_json": '["1-999", "teapot", 418, null]'},
    {"type": "http", "url": "https://odd.example/", "headers": "X: not json"},
    {"type": "http", "url": "https://odd.example/", "headers": '{"Bad Name": "x", "Host": "h"}'},
    {"type": "http", "url": "https://odd.example/", "headers": '{"X-Ünicode": "é"}'},
    {"type": "http", "url": "https://odd.example/", "method": "BREW"},
    {"type": "http", "url": "https://odd.example/", "body": "sent with GET"},
    {"type": "http", "url": "https://odd.example/", "upside_down": 1},
    {"type": "http", "url": "https://odd.example/", "proxy_id": 3},
    {"type": "http", "url": "https://odd.example/", "auth_method": "ntlm", "basic_auth_user": "u"},
    {"type": "http", "url": "https://odd.example/", "name": ""},
    {"type": "http", "url": "https://odd.example/", "name": None},
    {"type": "http", "url": "https://odd.example/", "name": "日本語"},
    {"type": "http", "url": "https://odd.example/", "name": "x" * 150},
    {"type": "http", "url": "https://odd.example/", "name": "=cmd|' /C calc'!A0"},
    {"type": "http", "url": "https://odd.example/", "name": "\x1b[31mred\x07"},
    {"type": "keyword", "url": "https://odd.example/", "keyword": "k" * 2000},
    {"type": "keyword", "url": "https://odd.example/", "keyword": None},
    {"type": "port", "hostname": "odd.example", "port": 0},
    {"type": "port", "hostname": "odd.example", "port": 99999},
    {"type": "port", "hostname": None, "port": 22},
    {"type": "port", "hostname": "not a host", "port": 22},
    {"type": "dns", "hostname": "odd.example", "dns_resolve_type": "NAPTR"},
    {"type": "dns", "hostname": "odd.example", "dns_resolve_type": "A", "dns_resolve_server": "not a server"},
    {"type": "push", "interval": -5},
    {"type": None},
    {"type": "group", "name": "A group"},
)


def monitors(count: int) -> Iterator[dict[str, Any]]:
    """So many rows: the odd ones, then the usual ones of each type in turn, alike at every call."""
    chance = random.Random(7)
    yield from ODD
    for number in range(count - len(ODD)):
        kind = (("http",) * 4 + ("keyword",) * 2 + ("json-query", "port", "dns", "push", "smtp") + OTHER_TYPES)[
            number % 36
        ]
        host = f"www.shop-{number % 40}.example"
        interval = chance.choice((20, 30, 60, 300, 3600))
        row: dict[str, Any] = {
            "name": chance.choice(("Boutique", "Café de la Gare", "Mairie", "Shop & Co")) + f" {number % 50}",
            "type": kind,
            "url": f"https://{host}/{chance.choice(('', 'shop', 'api/health?x=1'))}",
            "hostname": host.removeprefix("www."),
            "port": chance.choice((22, 25, 443, 8080)),
            "interval": interval,
            "timeout": chance.choice((0, interval * 0.8, 5, 90)),
            "active": chance.random() < 0.9,
            "maxretries": chance.choice((0, 3)),
            "ignore_tls": chance.random() < 0.1,
            "maxredirects": chance.choice((10, 10, 10, 0)),
            "accepted_statuscodes_json": json.dumps(
                chance.choice((["200-299"], ["200-299", "300-399"], ["401"], ["200-299", "418"]))
            ),
            "dns_resolve_type": chance.choice(("A", "AAAA", "MX", "TXT", "CAA")),
            "dns_resolve_server": chance.choice(("1.1.1.1", "1.1.1.1,9.9.9.9", "")),
            "keyword": chance.choice(("Bienvenue", "Add to cart", "© 2026")),
            "invert_keyword": chance.random() < 0.2,
            "database_connection_string": "postgres://u:hunter2-database@db/x",
        }
        if kind == "http" and number % 5 == 0:
            row |= {"auth_method": "basic", "basic_auth_user": "check", "basic_auth_pass": "hunter2-basic"}
        if kind == "http" and number % 7 == 1:
            row |= {
                "headers": json.dumps({"X-Check": "yes", "X-Api-Key": "hunter2-header", "Cookie": "s=hunter2-cookie"})
            }
        if kind == "http" and number % 7 == 2:
            row |= {"method": "POST", "body": '{"a": 1}', "http_body_encoding": "json"}
        if kind == "http" and number % 7 == 3:
            row |= {"headers": json.dumps({"Authorization": "Bearer hunter2-bearer"})}
        yield row


def write_kuma(
    path: Path, rows: list[dict[str, Any]], *, version: int = 2, tags: dict[int, tuple[str, str]] | None = None
) -> Path:
    """A database of that version with these monitors. `tags`: name and value by the monitor's number, from 1."""
    columns = V2 if version == 2 else V1
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE monitor ({', '.join(f'`{name}` {kind}' for name, kind in columns.items())})")
        connection.execute("CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, monitor_id INTEGER, status SMALLINT)")
        connection.execute("CREATE TABLE tag (id INTEGER PRIMARY KEY, name VARCHAR(255), color VARCHAR(255))")
        connection.execute(
            "CREATE TABLE monitor_tag (id INTEGER PRIMARY KEY, monitor_id INTEGER, tag_id INTEGER, value TEXT)"
        )
        for row in rows:
            kept = {name: value for name, value in row.items() if name in columns}
            names, marks = ", ".join(f"`{name}`" for name in kept), ", ".join("?" * len(kept))
            connection.execute(f"INSERT INTO monitor ({names}) VALUES ({marks})", list(kept.values()))
        for monitor, (name, value) in (tags or {}).items():
            tag = connection.execute("INSERT INTO tag (name, color) VALUES (?, 'red') RETURNING id", [name]).fetchone()[
                0
            ]
            connection.execute(
                "INSERT INTO monitor_tag (monitor_id, tag_id, value) VALUES (?, ?, ?)", [monitor, tag, value]
            )
    connection.close()
    return path
