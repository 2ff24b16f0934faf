"""The streaming wire formats of three model providers, as a server writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.servers.http import Request

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asked for, whatever its format."""

    model: str
    prompt: str
    max_tokens: int | None
    key: str | None
    credential: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    input_tokens: int
    output_tokens: int


class Wire(Protocol):
    too_long: str

    def asked(self, request: Request) -> Asked: ...
    def opening(self, asked: Asked, counted: Counted) -> Iterator[bytes]: ...
    def piece(self, asked: Asked, text: str) -> bytes: ...
    def closing(self, asked: Asked, counted: Counted) -> Iterator[bytes]: ...
    def error_event(self, kind: str) -> bytes: ...
    def refusal(self, status: int, message: str) -> bytes: ...


class Messages:
    """Anthropic's Messages API."""

    too_long = "prompt is too long: 300000 tokens > 200000 maximum"

    def asked(self, request: Request) -> Asked:
        body = json.loads(request.body)
        prompt = "".join(_flat(message["content"]) for message in body["messages"])
        headers = request.headers
        credential = headers.get("x-api-key") or _bearer(headers)
        return Asked(body["model"], prompt, body.get("max_tokens"), headers.get("idempotency-key"), credential)

    def opening(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        message = {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": counted.input_tokens, "output_tokens": 1},
        }
        yield _event("message_start", {"message": message})
        yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        yield _event("ping", {})

    def piece(self, asked: Asked, text: str) -> bytes:
        return _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})

    def closing(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        yield _event("content_block_stop", {"index": 0})
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": counted.output_tokens}})
        yield _event("message_stop", {})

    def error_event(self, kind: str) -> bytes:
        return _event("error", {"error": {"type": kind, "message": "reported in the stream"}})

    def refusal(self, status: int, message: str) -> bytes:
        error = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
        return json.dumps({"type": "error", "error": error}).encode()


class ChatCompletions:
    """OpenAI's chat completions."""

    too_long = "This model's maximum context length is 128000 tokens."

    def asked(self, request: Request) -> Asked:
        body = json.loads(request.body)
        prompt = "".join(_flat(message["content"]) for message in body["messages"])
        most = body.get("max_completion_tokens") or body.get("max_tokens")
        headers = request.headers
        return Asked(body["model"], prompt, most, headers.get("idempotency-key"), _bearer(headers))

    def opening(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        yield self._chunk(asked, {"role": "assistant", "content": ""}, None)

    def piece(self, asked: Asked, text: str) -> bytes:
        return self._chunk(asked, {"content": text}, None)

    def closing(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        yield self._chunk(asked, {}, "stop")
        usage = {
            "prompt_tokens": counted.input_tokens,
            "completion_tokens": counted.output_tokens,
            "total_tokens": counted.input_tokens + counted.output_tokens,
        }
        yield _data({**self._frame(asked), "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def error_event(self, kind: str) -> bytes:
        return _data({"error": {"message": "reported in the stream", "type": kind, "code": kind}})

    def refusal(self, status: int, message: str) -> bytes:
        code = "context_length_exceeded" if message == self.too_long else None
        return json.dumps({"error": {"message": message, "type": _ERROR_TYPES.get(status), "code": code}}).encode()

    def _frame(self, asked: Asked) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model}

    def _chunk(self, asked: Asked, delta: Mapping[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _data({**self._frame(asked), "choices": [choice]})


class GenerateContent:
    """Gemini's streamGenerateContent with server-sent events."""

    too_long = "The input token count (3000000) exceeds the maximum number of tokens allowed (1048576)."

    def asked(self, request: Request) -> Asked:
        body = json.loads(request.body)
        parts = [part for content in body["contents"] for part in content["parts"]]
        model = request.path.rsplit("/", 1)[-1].partition(":")[0]
        most = body.get("generationConfig", {}).get("maxOutputTokens")
        prompt = "".join(part.get("text", "") for part in parts)
        headers = request.headers
        return Asked(model, prompt, most, headers.get("idempotency-key"), headers.get("x-goog-api-key"))

    def opening(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        yield self._chunk(asked, "", None, Counted(counted.input_tokens, 0))

    def piece(self, asked: Asked, text: str) -> bytes:
        return self._chunk(asked, text, None, None)

    def closing(self, asked: Asked, counted: Counted) -> Iterator[bytes]:
        yield self._chunk(asked, "", "STOP", counted)

    def error_event(self, kind: str) -> bytes:
        return _data({"error": {"code": 503, "message": "reported in the stream", "status": "UNAVAILABLE"}})

    def refusal(self, status: int, message: str) -> bytes:
        name = _GOOGLE_STATUS.get(status, "UNKNOWN")
        return json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()

    def _chunk(self, asked: Asked, text: str, reason: str | None, counted: Counted | None) -> bytes:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        chunk: dict[str, Any] = {"candidates": [candidate], "modelVersion": asked.model, "responseId": "r1"}
        if counted:
            chunk["usageMetadata"] = {
                "promptTokenCount": counted.input_tokens,
                "candidatesTokenCount": counted.output_tokens,
                "totalTokenCount": counted.input_tokens + counted.output_tokens,
            }
        return _data(chunk)


def wire_for(request: Request) -> tuple[str, Wire] | None:
    """The provider's name and its wire format, by path."""
    if request.path == "/v1/messages":
        return "claude", Messages()
    if request.path == "/v1/chat/completions":
        return "openai", ChatCompletions()
    if request.path.endswith(":streamGenerateContent"):
        return "gemini", GenerateContent()
    return None


def _bearer(headers: Mapping[str, str]) -> str | None:
    return headers.get("authorization", "").removeprefix("Bearer ") or None


def _flat(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + _data({"type": name, **data})


def _data(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
