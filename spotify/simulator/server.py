"""The simulator's HTTP side: tokens, the budget, faults, and `/_admin/` for tests."""

import base64
import contextlib
import gzip
import json
import random
import re
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spotify.simulator import changes
from spotify.simulator.api import Api, Call, Refused
from spotify.simulator.catalogue import Catalogue
from spotify.simulator.faults import Fault, Faults
from spotify.simulator.quota import Config, Refusal, State
from spotify.simulator.shapes import Json, Shapes, picture


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    server: "Server"
    # One segment for a small answer: else Nagle and delayed ACKs add 40 ms to it.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: tests make thousands of calls."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.startswith("/_image/"):
            self._send(200, picture(address.path[8:].split(".")[0]).encode(), "image/svg+xml")
        elif address.path == "/_admin/state":
            self._send_json(200, self.server.state.snapshot())
        elif address.path.startswith("/v1/"):
            self._web_api(
                address.path,
                {key: values[-1] for key, values in parse_qs(address.query, keep_blank_values=True).items()},
            )
        else:
            self._send_json(404, {"error": {"status": 404, "message": "Service not found"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        if path == "/api/token":
            self._token(body)
        elif path.startswith("/_admin/"):
            self._admin(path.removeprefix("/_admin/"), body)
        else:
            self._send_json(404, {"error": {"status": 404, "message": "Service not found"}})

    # --- /_admin/ ---

    def _admin(self, what: str, body: bytes) -> None:
        try:
            wanted = json.loads(body or b"{}")
            if what == "reset":
                self.server.state.reset()
                self.server.faults.replace([])
                self.server.restore()
            elif what == "catalogue":
                self.server.change(wanted)
            elif what == "config":
                self._configure(wanted)
            elif what == "faults":
                self.server.faults.replace(wanted)
            elif what == "forget-tokens":
                self.server.state.tokens.clear()
            else:
                self._send_json(404, {"error": f"no such command: {what}"})
                return
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            self._send_json(400, {"error": str(error)})
            return
        self._send_json(200, self.server.state.snapshot())

    def _configure(self, wanted: Json) -> None:
        state = self.server.state
        with state.lock:
            changed = Config(**{name: getattr(state.config, name) for name in Config.__slots__} | wanted)
            state.config = changed

    # --- accounts ---

    def _token(self, body: bytes) -> None:
        state, config = self.server.state, self.server.state.config
        state.counters.token_requests += 1
        fault = self.server.faults.strike("/api/token")
        if fault and self._fault(fault, "/api/token"):
            return
        if self.headers.get("Content-Type", "").split(";")[0] != "application/x-www-form-urlencoded":
            self._send_json(415, {"error": "server_error", "error_description": "Unexpected status: 415"})
            return
        form = {key: values[-1] for key, values in parse_qs(body.decode(errors="replace")).items()}
        if form.get("grant_type") != "client_credentials":
            detail = (
                "grant_type parameter is missing"
                if "grant_type" not in form
                else "grant_type must be client_credentials"
            )
            self._send_json(400, {"error": "unsupported_grant_type", "error_description": detail})
            return
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            with contextlib.suppress(ValueError):
                client_id, _, secret = base64.b64decode(value).decode().partition(":")
        if not client_id or (config.client_id and client_id != config.client_id):
            self._send_json(400, {"error": "invalid_client", "error_description": "Invalid client"})
        elif not secret or (config.client_secret and secret != config.client_secret):
            self._send_json(400, {"error": "invalid_client", "error_description": "Invalid client secret"})
        else:
            answer = {"access_token": state.new_token(), "token_type": "Bearer", "expires_in": config.token_seconds}
            self._send_json(200, answer)

    # --- the Web API ---

    def _web_api(self, path: str, query: dict[str, str]) -> None:
        state = self.server.state
        state.enter()
        self.sent_status = 0
        try:
            self._wait_latency()
            fault = None
            try:
                self._authorise()
                # Counted first: Spotify counts arrivals, whatever becomes of them.
                self._admit(path)
                fault = self.server.faults.strike(path)
                if fault and self._fault(fault, path):
                    return
                answer = self.server.api.answer(Call(path, query, self._shapes(query)))
            except Refused as refused:
                self._send_json(refused.status, refused.body, refused.headers)
                return
            if fault and fault.kind == "null_items":
                _null_first_item(answer)
            self._send_json(
                200, answer, {"Cache-Control": "public, max-age=120"}, truncate=bool(fault and fault.kind == "truncate")
            )
        finally:
            state.leave(self.sent_status)

    def _wait_latency(self) -> None:
        config = self.server.state.config
        if config.latency_ms or config.latency_spread_ms:
            time.sleep((config.latency_ms + random.random() * config.latency_spread_ms) / 1000)

    def _authorise(self) -> None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refused(401, "No token provided")
        if not self.server.state.token_is_good(token):
            raise Refused(401, "Missing/invalid/expired access token")
        if self.server.state.config.premium_lapsed:
            raise Refused(403, "Active premium subscription required for the owner of the app. When the subscription "
                               "status changes, it can take a few hours before requests are allowed again.")  # fmt: skip

    def _admit(self, path: str) -> None:
        refusal: Refusal | None = self.server.state.admit(re.sub(r"/[0-9A-Za-z]{22}", "/{id}", path))
        if refusal:
            headers = {"Retry-After": str(refusal.retry_after), "Cache-Control": "private, max-age=0"}
            if refusal.quota:
                raise Refused(429, "Too many requests", headers, reason="QUOTA_EXCEEDED")
            raise Refused(429, "API rate limit exceeded", headers)

    def _shapes(self, query: dict[str, str]) -> Shapes:
        extended = self.server.state.config.quota_mode == "extended"
        english = self.headers.get("Accept-Language", "").lower().startswith("en")
        base = f"http://{self.headers.get('Host', '127.0.0.1')}"
        return Shapes(base, extended=extended, english=english, market=query.get("market", ""))

    def _fault(self, fault: Fault, path: str) -> bool:
        """Play the fault; True where the answer has been given (or refused)."""
        if fault.kind in ("hang", "slow"):
            time.sleep(fault.seconds)
        if fault.kind in ("hang", "drop"):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return True
        if fault.kind == "html":
            self._send(200, b"<!doctype html><html><title>Please wait</title></html>", "text/html")
            return True
        if fault.kind not in ("status", "429"):
            return False
        status = 429 if fault.kind == "429" else fault.status
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        if fault.body is not None:
            self._send(status, fault.body.encode(), "text/plain", headers)
        else:
            message = "API rate limit exceeded" if status == 429 else "Service temporarily unavailable"
            error = {"status": status, "message": message} | ({"reason": fault.reason} if fault.reason else {})
            self._send_json(status, {"error": error}, headers)
        return True

    # --- answers ---

    def _send_json(
        self, status: int, body: Any, headers: dict[str, str] | None = None, *, truncate: bool = False
    ) -> None:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        self._send(status, raw[: len(raw) // 2] if truncate else raw, "application/json; charset=utf-8", headers)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.sent_status = status
        headers = dict(headers or {})
        if len(body) > 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()


def _null_first_item(answer: Json) -> None:
    """Put a null into the first list of items, as Spotify sometimes does."""
    for value in [answer, *answer.values()]:
        if isinstance(value, dict) and isinstance(value.get("items"), list):
            value["items"].insert(0, None)
            return


class Server(ThreadingHTTPServer):
    """The simulator, bound to loopback."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, config: Config, folder: Path) -> None:
        self.state = State(config)
        self.faults = Faults()
        self.folder = folder
        self.api = Api(Catalogue.load(folder), self.state)
        self._changed = False
        super().__init__(("127.0.0.1", port), Handler)

    def change(self, wanted: list[dict[str, Any]]) -> None:
        """Change the catalogue until the next reset."""
        self._changed = True
        changes.apply(self.api.catalogue, wanted)

    def restore(self) -> None:
        """The catalogue as it was loaded."""
        if self._changed:
            self.api.catalogue = Catalogue.load(self.folder)
            self._changed = False
