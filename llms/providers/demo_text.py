"""What the demo model says, and how it counts."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llms.wire import json_text

TOKEN_CHARS = 4
"""Characters that count as a token: what OpenAI's help pages give as the rule of thumb for English."""

MAX_COUNT = 100_000
QUOTE_CHARS = 80
RESULT_CHARS = 400
FRAGMENT_CHARS = 12
"""Of tool arguments and JSON, which may have no blanks to cut at."""

_COUNT = re.compile(r"(?:please )?count to ([1-9][0-9]{0,8})[.!]?", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>~|&$])")
_WORD = re.compile(r"\S+\s*|\s+")

_PAGE = """\
## Hello from the demo model

You said: "{asked}"

I am built into the gateway and need **no key and no network**, so whatever you say, I answer with this page. \
It comes word by word, as from a real model.

To talk to a real one:

1. Set a key, such as `OPENAI_API_KEY`, or start Ollama.
2. Restart `llms serve`.
3. Run `llms models` to see which models are there now, and why others are not.

Any OpenAI client will do:

```python
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)
```

| Send me | and you get |
| --- | --- |
| `count to 100` | a stream as long as you like |
| `tools` | a call of the first one |
| `response_format` | JSON that fits your schema |
| `reasoning_effort` | what I thought, too |
"""

_RESULT = """\
The tool answered:

> {result}

I am the **demo model** and make nothing of it; a real model would go on from here.
"""


def page(asked: str, model: str) -> str:
    """Give the answer to everything, as Markdown."""
    return _PAGE.format(asked=escaped(quoted(asked, QUOTE_CHARS)), model=json.dumps(model))


def result(text: str) -> str:
    """Give the answer to what a tool said, as Markdown."""
    return _RESULT.format(result=escaped(quoted(text, RESULT_CHARS)))


def counting(asked: str) -> str | None:
    """Give the numbers up to N for "count to N", at most a hundred thousand; ``None`` for any other request."""
    found = _COUNT.fullmatch(asked.strip())
    return " ".join(map(str, range(1, min(int(found[1]), MAX_COUNT) + 1))) if found else None


def reasoning(asked: str, plan: str) -> str:
    """Give the thoughts before an answer, as plain text."""
    return f'The last message says: "{quoted(asked, QUOTE_CHARS)}" I am the demo model and look nothing up. {plan}'


def quoted(text: str, limit: int) -> str:
    """Give the start of ``text`` on one line, without what a terminal or a page could stumble over."""
    visible = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """Give ``text`` such that Markdown shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def content(message: Mapping[str, Any]) -> str:
    """Give the text of a message, whether it is one string or several parts."""
    value = message.get("content")
    if isinstance(value, str):
        return value
    texts = [part.get("text") for part in value or () if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def tokens(text: str) -> int:
    """Give an estimate: four characters a token, rounded up."""
    return -(-len(text) // TOKEN_CHARS)


def words(text: str) -> Iterator[str]:
    """Cut text into words, each with the blanks that follow it."""
    return (found[0] for found in _WORD.finditer(text))


def fragments(text: str) -> Iterator[str]:
    """Cut text into pieces of equal length."""
    return (text[at : at + FRAGMENT_CHARS] for at in range(0, len(text), FRAGMENT_CHARS))


def compact(value: object) -> str:
    """Give ``value`` as JSON."""
    return json_text.dumps(value).decode()
