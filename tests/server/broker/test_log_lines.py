"""Lines are those of nats-server 2.15.1, as it wrote them."""

import pytest

from server.broker.log_lines import Kind, event_of, text_of

SESSION = "0123456789abcdef0123456789abcdef"
CLIENT = f'127.0.0.1:41945 - mid:29 - "gw-002-{SESSION}" - '


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Publish Violation - Subject "vicino.1.gw-001.up"', Kind.DENIED),
        ('Subscription Violation - Subject ">", SID >', Kind.DENIED),
        ('Replacing old client "127.0.0.1:46003 - mid:24 - \\"a\\"" since both', Kind.REPLACED),
        ("maximum payload exceeded: 9437211 vs 8388608", Kind.OVERSIZED),
        ("authentication error", Kind.REFUSED),
    ],
)
def test_what_somebody_should_look_at_is_found(text, kind):
    event = event_of(f"[3868] 2026/11/23 01:22:02.424820 [ERR] {CLIENT}{text}")
    assert event is not None
    assert (event.kind, event.gateway) == (kind, "gw-002")
    assert text in event.text


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not a log line",
        "[1] 2026/11/23 01:21:59.998872 [INF] Server is ready",
        f"[1] 2026/11/23 01:22:09.511958 [ERR] {CLIENT}unable to connect: authentication error",
    ],
)
def test_the_rest_is_left_alone(line):
    assert event_of(line) is None


def test_a_client_id_of_another_form_names_no_gateway():
    line = '[1] d t [ERR] 127.0.0.1:1 - mid:2 - "gw-002" - authentication error'
    assert event_of(line).gateway is None


def test_what_a_client_writes_is_bounded_and_printable():
    line = f'[1] d t [ERR] h:1 - mid:2 - "\x1b[2J{"x" * 70_000}" - authentication error'
    text = event_of(line).text
    assert len(text) == 200
    assert text.isprintable()


def test_the_text_of_a_line_is_what_follows_its_level():
    assert text_of("[1] 2026/11/23 01:21:59.99 [INF] Server is ready") == "Server is ready"
