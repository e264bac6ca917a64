"""What usual clients and OpenAI send: a short question, its answer whole, and a chunk of one streamed."""

from typing import Any

from llms.wire import json_text, sse

REQUEST = json_text.dumps(
    {
        "model": "gpt-5-mini",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer in two sentences, without lists."},
            {"role": "user", "content": 'What is the "capital" of France, and how many people live there today?'},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    }
)
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    b"User-Agent: OpenAI/Python 3.50.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Async: false\r\n"
    b"Authorization: Bearer house-key\r\nContent-Length: %d\r\n\r\n" % len(REQUEST)
)
USAGE = {
    "prompt_tokens": 35,
    "completion_tokens": 21,
    "total_tokens": 56,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
COMPLETION = {
    "id": "chatcmpl-CZ8eQ1z0x7m5lVb2o6q1xkT3pJfHs",
    "object": "chat.completion",
    "created": 1764300000,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The capital of France is Paris. About two million people live in it.",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
    "service_tier": "default",
    "system_fingerprint": "fp_4c2851f862",
}
ANSWER = json_text.dumps(COMPLETION)
UPSTREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 06:00:00 GMT\r\nContent-Type: application/json\r\n%b\r\n"
    b"openai-processing-ms: 412\r\nopenai-version: 2020-10-01\r\nx-request-id: req_5f1d0b8a9c3e4d7f\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999900\r\nServer: cloudflare\r\n\r\n"
)
WHOLE = UPSTREAM_HEAD % (b"Content-Length: %d" % len(ANSWER)) + ANSWER
CHUNK: dict[str, Any] = {
    "id": "chatcmpl-CZ8eQ1z0x7m5lVb2o6q1xkT3pJfHs",
    "object": "chat.completion.chunk",
    "created": 1764300000,
    "model": "gpt-5-mini-2025-08-07",
    "service_tier": "default",
    "system_fingerprint": "fp_4c2851f862",
    "choices": [{"index": 0, "delta": {"content": " Paris"}, "logprobs": None, "finish_reason": None}],
}
FIRST = {
    **CHUNK,
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}],
}
EVENT = sse.frame(CHUNK)
