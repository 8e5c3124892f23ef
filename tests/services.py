"""The services that channels speak to, as one real HTTP server: each request is held against the schema that its service has
published (tests/schemas, with their sources), and answered as the service does. It can be in trouble, too."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

HOST = "127.0.0.1"
ROUTING_KEY = "R0123456789abcdef0123456789abcde"
GENIE_KEY = "genie-11111111-2222-3333"
SLACK_TOKEN = "xoxb-1234-5678-abcdefgh"
NTFY_TOKEN = "tk_0123456789abcdefghijklmnopq"
ZENDESK_AUTHORIZATION = "Basic YWdlbmN5L3Rva2VuOnNlY3JldA=="


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what it was answered."""

    time: datetime
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    document: Any
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens instead of an answer: a status with headers and body, silence for so long, or a closed connection."""

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    wait_s: float = 0.0
    drops: bool = False
    echoes: bool = False
    """The answer repeats everything that was asked."""
    times: int = 1_000_000


@dataclass
class Alert:
    """What an on-call service, a help desk or Slack knows of one outage."""

    status: str
    said: list[Any]


Answer = tuple[int, Mapping[str, str], Any]


class Services:
    """PagerDuty, Jira, Slack, Teams, ntfy, Zendesk, Help Scout and Grafana IRM on one address."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.alerts: dict[str, Alert] = {}
        self.trouble: Trouble | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._number = 1000
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                services._handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="services", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def taken(self, path: str = "") -> list[Call]:
        """The requests below a path that were answered with success."""
        return [call for call in self.calls if call.status < 300 and call.path.startswith(path)]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # One request

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        trouble = self._next_trouble()
        if trouble is not None:
            if trouble.wait_s:
                self._closing.wait(trouble.wait_s)
            if trouble.drops:
                request.close_connection = True
                self._note(request, headers, None, 0, body)
                return
        if trouble is not None and trouble.status:
            asked = f"{request.path} {headers} {body.decode('utf-8', 'replace')}"
            answer: Answer = trouble.status, trouble.headers, asked if trouble.echoes else trouble.body
        else:
            answer = self._answer(request.command, request.path, headers, body)
        status, more, content = answer
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        try:
            document = json.loads(body) if body else None
        except ValueError:
            document = None
        self._note(request, headers, document, status, body)
        try:
            request.send_response(status)
            for name, value in {"Content-Type": "application/json", **more}.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)
        except OSError:
            request.close_connection = True

    def _next_trouble(self) -> Trouble | None:
        with self._lock:
            trouble = self.trouble
            if trouble is not None:
                left = trouble.times - 1
                fields = {
                    name: getattr(trouble, name) for name in ("status", "headers", "body", "wait_s", "drops", "echoes")
                }
                self.trouble = Trouble(**fields, times=left) if left else None
            return trouble

    def _note(
        self, request: BaseHTTPRequestHandler, headers: Mapping[str, str], document: Any, status: int, body: bytes
    ) -> None:
        call = Call(datetime.now(UTC), request.command, request.path, headers, document, status, body)
        with self._lock:
            self.calls.append(call)

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        try:
            document = json.loads(body) if body else {}
        except ValueError:
            return 400, {}, {"error": "not JSON"}
        with self._lock:
            self._number += 1
            for prefix, service in _SERVICES:
                if path.startswith(prefix):
                    return service(self, method, path.removeprefix(prefix), query, headers, document)
        return 404, {}, {"error": "nothing here"}

    # The services

    def _pagerduty(self, method: str, path: str, query: Any, headers: Mapping[str, str], event: Any) -> Answer:
        problems = problems_of("pagerduty_change" if path == "change/enqueue" else "pagerduty_event", event)
        if problems:
            return 400, {}, {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
        if event["routing_key"] != ROUTING_KEY:
            return 400, {}, {"status": "invalid event", "message": "Invalid routing key"}
        if path == "enqueue":
            key = event.get("dedup_key", str(self._number))
            word = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}[event["event_action"]]
            self._alert(key, word, event)
        return 202, {}, {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key")}

    def _jira(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if headers.get("authorization") != f"GenieKey {GENIE_KEY}":
            return 401, {}, {"message": "Could not authenticate", "took": 0.001, "requestId": "1"}
        if method == "GET":
            return 200, {}, {"data": [], "took": 0.01, "requestId": "1"}
        _, _, rest = path.partition("/")
        problems = problems_of("jira_action" if rest else "jira_alert", document)
        if problems:
            return 422, {}, {"message": "Request body is not processable", "errors": problems}
        if not rest:
            self._alert(document["alias"], "open", document)
        else:
            alias, verb = rest.split("/")
            if query.get("identifierType") != ["alias"] or alias not in self.alerts:
                return 404, {}, {"message": "Alert does not exist"}
            self._alert(alias, {"acknowledge": "acked", "close": "closed"}[verb], document)
        return 202, {}, {"result": "Request will be processed", "took": 0.1, "requestId": "1"}

    def _slack(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if headers.get("authorization") != f"Bearer {SLACK_TOKEN}":
            return 200, {}, {"ok": False, "error": "invalid_auth"}
        if path == "auth.test":
            return 200, {}, {"ok": True, "user": "quivive"}
        problems = problems_of("slack_message", document)
        if problems:
            messages = {"messages": problems}
            return 200, {}, {"ok": False, "error": "invalid_blocks", "response_metadata": messages}
        if path == "chat.update":
            if document.get("ts") not in self.alerts:
                return 200, {}, {"ok": False, "error": "message_not_found"}
            self._alert(document["ts"], "changed", document)
            return 200, {}, {"ok": True, "channel": document["channel"], "ts": document["ts"]}
        timestamp = f"17000000{self._number}.000100"
        if thread := document.get("thread_ts"):
            if thread not in self.alerts:
                return 200, {}, {"ok": False, "error": "thread_not_found"}
            self._alert(thread, "replied", document)
        else:
            self._alert(timestamp, "posted", document)
        return 200, {}, {"ok": True, "channel": "C024BE91L", "ts": timestamp}

    def _slack_webhook(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if not document:
            return 400, {}, "no_text"
        return (400, {}, "invalid_payload") if problems_of("slack_message", document) else (200, {}, "ok")

    def _teams(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if len(json.dumps(document)) > 28_000:
            return 413, {}, {"error": {"code": "RequestEntityTooLarge"}}
        problems = problems_of("teams_message", document)
        return (
            (400, {}, {"error": {"code": "TriggerInputSchemaMismatch", "message": problems}})
            if problems
            else (202, {}, "")
        )

    def _ntfy(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if headers.get("authorization") != f"Bearer {NTFY_TOKEN}":
            return 401, {}, {"code": 40101, "http": 401, "error": "unauthorized"}
        if problems := problems_of("ntfy_message", document):
            return 400, {}, {"code": 40024, "http": 400, "error": "invalid request", "problems": problems}
        self._alert(document["sequence_id"], "shown", document)
        return 200, {}, {"id": "abc", "event": "message", "topic": document["topic"]}

    def _zendesk(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if headers.get("authorization") != ZENDESK_AUTHORIZATION:
            return 401, {}, {"error": "Couldn't authenticate you"}
        if problems := problems_of("zendesk_ticket", document):
            return 422, {}, {"error": "RecordInvalid", "details": problems}
        number = path.strip("/") or str(self._number)
        if method == "PUT" and number not in self.alerts:
            return 404, {}, {"error": "RecordNotFound"}
        self._alert(number, document["ticket"].get("status", "open"), document)
        return (200 if method == "PUT" else 201), {}, {"ticket": {"id": int(number)}}

    def _helpscout(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        number, _, rest = path.strip("/").partition("/")
        kind = "helpscout_note" if rest == "notes" else "helpscout_patch" if number else "helpscout_conversation"
        if problems := problems_of(kind, document):
            return 400, {}, {"message": "Bad request", "_embedded": {"errors": problems}}
        if not number:
            self._alert(str(self._number), document["status"], document)
            return 201, {"Resource-ID": str(self._number)}, ""
        if number not in self.alerts:
            return 404, {}, {"message": "Not found"}
        self._alert(number, document["value"] if kind == "helpscout_patch" else self.alerts[number].status, document)
        return (201 if rest else 204), {}, ""

    def _grafana(self, method: str, path: str, query: Any, headers: Mapping[str, str], document: Any) -> Answer:
        if problems := problems_of("grafana_irm_alert", document):
            return 400, {}, {"detail": problems}
        self._alert(document["alert_uid"], document["state"], document)
        return 200, {}, "Ok."

    def _alert(self, key: str, status: str, said: Any) -> None:
        alert = self.alerts.setdefault(key, Alert(status, []))
        alert.status = status
        alert.said.append(said)


Service = Callable[[Services, str, str, Any, Mapping[str, str], Any], Answer]
_SERVICES: tuple[tuple[str, Service], ...] = (
    ("/v2/conversations", Services._helpscout),
    ("/v2/", Services._pagerduty),
    ("/jsm/ops/integration/v2/alerts", Services._jira),
    ("/api/v2/tickets", Services._zendesk),
    ("/api/", Services._slack),
    ("/services/", Services._slack_webhook),
    ("/workflows/", Services._teams),
    ("/integrations/v1/formatted_webhook/", Services._grafana),
    ("/", Services._ntfy),
)


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "schemas" / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def problems_of(schema: str, document: Any) -> list[str]:
    """What a document has against a schema of tests/schemas."""
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator(schema).iter_errors(document)]
