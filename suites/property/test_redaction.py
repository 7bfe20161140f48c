"""Passwords and tokens in any place of an address or a command are masked, and nothing else is."""

from __future__ import annotations

import shlex
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from quantgate.redaction import (
    MASK,
    holds_password,
    redacted,
    redacted_command,
    redacted_tree,
    redacted_url,
)

#: In every secret, so that a part of one is found too.
MARK = "S3cr3t"
HOSTS = st.sampled_from(("db.example", "db.example:5432", "[::1]:8080", "127.0.0.1"))
SCHEMES = st.sampled_from(("postgresql", "https", "http", "postgresql+psycopg", "s3"))
KEYS = st.sampled_from(("password", "sig", "X-Amz-Signature", "token", "user", "a", "sslpassword"))
SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12).map(
    lambda around: f"{around[:6]}{MARK}{around[6:]}"
)
PLAIN = st.text("abcXYZ019-._~!$ ", max_size=12).map(
    lambda around: f"{around[:6]}{MARK}{around[6:]}"
)


@given(SCHEMES, SECRETS, HOSTS)
def test_a_password_is_masked_however_it_is_written(scheme: str, secret: str, host: str) -> None:
    """What SQLAlchemy or urllib take for a password is in no shown address, quoted or not."""
    for written in (quote(secret, safe=""), secret):
        url = f"{scheme}://me:{written}@{host}/nights"
        try:
            passwords = {make_url(url).password, urlsplit(url).password}
        except (ArgumentError, ValueError):
            passwords = set()
        shown = redacted_url(url)
        assert MARK not in shown
        for password in passwords - {None}:
            assert str(password) not in shown.replace(MASK, "") or len(str(password)) < len(MARK)
        assert MARK not in redacted_command(["quantgate", "gate", f"--record={url}", url])
        assert redacted_url(shown) == shown


@given(SCHEMES, HOSTS, st.lists(st.tuples(KEYS, SECRETS), min_size=1, max_size=4))
def test_every_value_of_a_query_is_masked(
    scheme: str, host: str, query: list[tuple[str, str]]
) -> None:
    """Keys stay, so that a reader sees what was asked; not one value does."""
    asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query)
    shown = redacted_url(f"{scheme}://{host}/file.onnx?{asked}")

    assert MARK not in shown
    assert dict(parse_qsl(urlsplit(shown).query)) == {key: MASK for key, _ in query}
    assert MARK not in redacted(f"models.a: {scheme}://{host}/f?{asked}: cannot be reached")


@given(SCHEMES, PLAIN, HOSTS)
def test_a_password_with_blanks_is_masked_in_a_sentence(
    scheme: str, secret: str, host: str
) -> None:
    """Libraries quote addresses as they were given."""
    assume(not secret[0].isdigit())
    said = redacted(f"history: {scheme}://me:{secret}@{host}/x cannot be reached")

    assert MARK not in said
    assert said.endswith("/x cannot be reached")


@pytest.mark.parametrize(
    "argument",
    [
        f"--api-token={MARK}",
        f"github_token={MARK}",
        f"--override-ini=password={MARK}",
        f"password='a {MARK}' host=h",
        f"https://{MARK}@github.example/a.git",
        f"https://h.example/x#access_token={MARK}",
        f"https://h.example/x?{MARK}",
        f"Authorization: Bearer {MARK}abcdef",
        f"ghp_{MARK}aaaaaaaaaaaaaaaaaaaaaaaa",
        f"hf_{MARK}aaaaaaaaaaaaaaaaaaaaaaaa",
        f"http://me:{MARK}#@proxy.example:3128",
        f"http://me:{MARK}/x@proxy.example:3128",
    ],
)
def test_secrets_of_other_shapes_are_masked(argument: str) -> None:
    """Options, keys, headers and tokens by their look, in a command and in a sentence."""
    assert MARK not in redacted_command(["quantgate", "gate", argument])
    assert MARK not in redacted(f"it said: {argument}")
    assert MARK not in str(redacted_tree({"a": [argument]}))


def test_the_value_after_an_option_is_masked() -> None:
    """Where an option and its value are two words, the second one goes."""
    shown = redacted_command(["quantgate", "gate", "--token", MARK, "-k", "tiny"])

    assert shlex.split(shown) == ["quantgate", "gate", "--token", MASK, "-k", "tiny"]


@pytest.mark.parametrize(
    "text",
    [
        "quantgate gate models.toml -k 'test_size[tiny]' --reports /tmp/a=b",
        "see https://docs.example/page#part, and http://localhost:8080/a@b/c:d",
        "img_0001.png is annotated with class id 7",
        "models.a.limits.max_size_ratio = 0.4: expected at most 1",
        "https://host.example:8443/x: expected a file, mail me@host.example",
        "3 tokens were expected, the secret of success",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    """A reader still finds paths, ports, anchors and numbers."""
    assert redacted(text) == text


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    """So that a record is the same whether it was read back or not."""
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("postgresql://db/nights", False),
        ("postgresql://me@db:5432/nights?sslmode=require&host=/run/postgresql", False),
        ("postgresql://me:x@db/nights", True),
        ("postgresql://me:x y@db/nights", True),
        ("postgresql://me:x/y@db/nights", True),
        ("postgresql://db/nights?password=x", True),
        ("postgresql://db/nights?user=me&sslpassword=x", True),
    ],
)
def test_an_address_that_holds_a_password_is_known(url: str, *, held: bool) -> None:
    """Beside the user and in the query, whatever it is made of."""
    assert holds_password(url) is held
