"""
The OpenAI-compatible services that need no more than a name: where they are, and what sets each apart. Data only.

A quirk is here because a service answers 400 or 422 without it; what services merely ignore is not listed.
"""

from dataclasses import dataclass, field
from typing import Literal

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]
ReasoningField = Literal["reasoning_content", "reasoning", "none"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    How a service departs from OpenAI's API. The defaults suit a service of which nothing is known.

    Args:
        max_tokens_field: The only one of the two names that it knows; ``None`` passes on what the client wrote.
        developer_role: Whether it knows messages by ``developer``; else they become ``system``.
        reasoning_field: Where it wants the reasoning of earlier answers.
        stream_options: Whether it takes ``stream_options``; one that does not sends usage unasked.
        strict: Whether it refuses keys in messages that OpenAI does not document.
        drop: Fields of the request that it refuses.
    """

    max_tokens_field: MaxTokensField | None = None
    developer_role: bool = False
    reasoning_field: ReasoningField = "reasoning_content"
    stream_options: bool = True
    strict: bool = False
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """
    One service.

    Args:
        base_url: Without a trailing slash.
        api_key: ``$NAME`` of the environment variable that its users know; ``None`` for a server that needs no key.
    """

    base_url: str
    api_key: str | None
    dialect: Dialect = field(default_factory=Dialect)


_FOREIGN = (
    "cache_control",
    "chat_template",
    "chat_template_kwargs",
    "enable_thinking",
    "extra_body",
    "include_reasoning",
    "keep_alive",
    "min_p",
    "models",
    "num_ctx",
    "options",
    "plugins",
    "provider",
    "reasoning",
    "repetition_penalty",
    "route",
    "think",
    "thinking",
    "thinking_budget",
    "top_a",
    "top_k",
    "transforms",
)
"""What clients send to OpenRouter, vLLM, Ollama and others, and OpenAI refuses."""

_NOT_MISTRAL = (
    "audio",
    "logit_bias",
    "logprobs",
    "modalities",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",  # Mistral's is random_seed, and as good as none
    "service_tier",
    "store",
    "top_logprobs",
    "user",
    "verbosity",
    "web_search_options",
)

PRESETS: dict[str, Preset] = {
    "openai": Preset(
        "https://api.openai.com/v1",
        "$OPENAI_API_KEY",
        Dialect(
            # The reasoning models refuse max_tokens; the others know both.
            max_tokens_field="max_completion_tokens",
            developer_role=True,
            reasoning_field="none",
            strict=True,
            drop=_FOREIGN,
        ),
    ),
    "openrouter": Preset(
        "https://openrouter.ai/api/v1",
        "$OPENROUTER_API_KEY",
        # https://github.com/openstory-so/openstory/issues/1317: many of its services know max_tokens only.
        Dialect(max_tokens_field="max_tokens", reasoning_field="reasoning"),
    ),
    "groq": Preset(
        "https://api.groq.com/openai/v1",
        "$GROQ_API_KEY",
        # https://github.com/janhq/jan/issues/8136: unknown keys of a message are a 400.
        Dialect(max_tokens_field="max_completion_tokens", reasoning_field="none", strict=True, drop=_FOREIGN),
    ),
    "deepseek": Preset(
        "https://api.deepseek.com",
        "$DEEPSEEK_API_KEY",
        Dialect(max_tokens_field="max_tokens"),
    ),
    "mistral": Preset(
        "https://api.mistral.ai/v1",
        "$MISTRAL_API_KEY",
        # https://github.com/avante-corp/avante.nvim/issues/2347 and relatives: any unknown field is a 422.
        Dialect(
            max_tokens_field="max_tokens",
            reasoning_field="none",
            stream_options=False,
            strict=True,
            drop=(*_FOREIGN, *_NOT_MISTRAL),
        ),
    ),
    "xai": Preset("https://api.x.ai/v1", "$XAI_API_KEY"),
    "together": Preset(
        "https://api.together.xyz/v1",
        "$TOGETHER_API_KEY",
        Dialect(max_tokens_field="max_tokens", reasoning_field="reasoning"),
    ),
    "fireworks": Preset(
        "https://api.fireworks.ai/inference/v1",
        "$FIREWORKS_API_KEY",
        Dialect(max_tokens_field="max_tokens"),
    ),
    "cerebras": Preset(
        "https://api.cerebras.ai/v1",
        "$CEREBRAS_API_KEY",
        # https://github.com/QwenLM/qwen-code/issues/11045: takes "reasoning" back, refuses "reasoning_content".
        Dialect(max_tokens_field="max_completion_tokens", reasoning_field="reasoning", strict=True, drop=_FOREIGN),
    ),
    "nvidia": Preset(
        "https://integrate.api.nvidia.com/v1",
        "$NVIDIA_API_KEY",
        Dialect(max_tokens_field="max_tokens", reasoning_field="none"),
    ),
    "huggingface": Preset(
        "https://router.huggingface.co/v1",
        "$HF_TOKEN",
        Dialect(max_tokens_field="max_tokens", reasoning_field="none"),
    ),
    "deepinfra": Preset(
        "https://api.deepinfra.com/v1/openai",
        "$DEEPINFRA_API_KEY",
        Dialect(max_tokens_field="max_tokens"),
    ),
    "moonshot": Preset(
        "https://api.moonshot.ai/v1",
        "$MOONSHOT_API_KEY",
        Dialect(max_tokens_field="max_tokens"),
    ),
    "lmstudio": Preset("http://127.0.0.1:1234/v1", None, Dialect(max_tokens_field="max_tokens")),
    "llamacpp": Preset("http://127.0.0.1:8080/v1", None, Dialect(max_tokens_field="max_tokens")),
    # vLLM reads "reasoning" since 2026 and still takes the older name: https://github.com/vllm-project/vllm/pull/33402
    "vllm": Preset("http://127.0.0.1:8000/v1", None, Dialect(reasoning_field="reasoning")),
    "sglang": Preset("http://127.0.0.1:30000/v1", None),
}
