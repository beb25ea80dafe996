"""The signature: exactly these bytes, exactly this spelling, one of the known secrets."""

from __future__ import annotations

import json

import pytest

from webhook.signature import same_secret, sign, verify

TOKEN = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
BODY = b'{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}'
DIGEST = "461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735"


def test_the_official_vector_is_reproduced() -> None:
    assert sign(BODY, TOKEN) == f"sha256={DIGEST}"
    assert verify(BODY, f"sha256={DIGEST}", [TOKEN])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        DIGEST,
        f"sha1={DIGEST}",
        f"SHA256={DIGEST}",
        f"sha256={DIGEST.upper()}",
        f"sha256={DIGEST[:-1]}",
        f"sha256={DIGEST}0",
        f" sha256={DIGEST}",
        f"sha256={DIGEST}\n",
        f"sha256={DIGEST},sha256={DIGEST}",
        f"sha256={'0' * 64}",
        "sha256=ÿ" + DIGEST[1:],
        "sha256=\ud800",
    ],
)
def test_nothing_but_the_documented_spelling_verifies(header: str) -> None:
    assert not verify(BODY, header, [TOKEN])


def test_the_bytes_count_and_not_the_json_they_mean() -> None:
    signature = sign(BODY, TOKEN)
    respelled = json.dumps(json.loads(BODY)).encode()
    assert json.loads(respelled) == json.loads(BODY)
    assert not verify(respelled, signature, [TOKEN])


def test_special_characters_are_signed_as_the_bytes_they_are() -> None:
    body = '{"title":"Ünï©ødé 🎬 \\u00e9 \u2028"}'.encode()
    assert verify(body, sign(body, TOKEN), [TOKEN])
    assert not verify(body.replace(b"\\u00e9", "é".encode()), sign(body, TOKEN), [TOKEN])


def test_one_secret_of_several_is_enough_in_any_place() -> None:
    signature = sign(BODY, TOKEN)
    assert verify(BODY, signature, [TOKEN, "other"])
    assert verify(BODY, signature, ["other", TOKEN])
    assert not verify(BODY, signature, ["other", "another"])


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_without_a_secret_nothing_verifies(blank: str) -> None:
    assert not verify(BODY, sign(BODY, blank), [])
    assert not verify(BODY, sign(BODY, blank), [blank])
    assert not same_secret(blank, blank)
    assert not same_secret(blank, None)


def test_the_header_secret_is_compared_whole() -> None:
    assert same_secret("geheim-ü", "geheim-ü")
    assert not same_secret("geheim", "geheim-ü")
    assert not same_secret("", "geheim")
