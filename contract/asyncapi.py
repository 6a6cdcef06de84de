"""The contract as AsyncAPI 3, generated from the message types: ``python -m contract.asyncapi``."""

import json
import sys
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from contract import messages, topics

PUBLISHED: Final = Path("docs/asyncapi.yaml")
_GATEWAY: Final = "{gateway}"


def document() -> dict[str, Any]:
    """Return the AsyncAPI document as plain data."""
    up, down = get_args(messages.Up), get_args(messages.Down)
    kinds = (*up, *down, *get_args(messages.Element))
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vicino: between a gateway and the server",
            "version": str(topics.VERSION),
            "description": messages.__doc__,
        },
        "defaultContentType": "application/json",
        "channels": {
            "up": _channel(topics.up(_GATEWAY), up),
            "down": _channel(topics.down(_GATEWAY), down),
        },
        "operations": {
            "gatewaySends": {"action": "send", "channel": {"$ref": "#/channels/up"}},
            "gatewayReceives": {"action": "receive", "channel": {"$ref": "#/channels/down"}},
        },
        "components": {
            "messages": {
                kind.__name__: {"payload": {"$ref": f"#/components/schemas/{kind.__name__}"}}
                for kind in (*up, *down)
            },
            "schemas": schemas,
        },
    }


def text() -> str:
    """Return the document as it is published: JSON, which is YAML too."""
    return json.dumps(document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _channel(address: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    return {
        "address": address,
        "parameters": {"gateway": {"description": "The gateway's id, as in its certificate."}},
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds
        },
    }


if __name__ == "__main__":
    if "--check" in sys.argv and PUBLISHED.read_text(encoding="utf-8") != text():
        sys.exit(f"{PUBLISHED} is stale: run python -m contract.asyncapi")
    PUBLISHED.write_text(text(), encoding="utf-8")
