"""Which URLs are refused before anything is looked up, class by class."""

# ruff: noqa: RUF001 - letters that look like others are what is tested

from __future__ import annotations

import pytest

from milepost.domain.errors import UrlNotAllowed
from milepost.net.url_rules import Target, UrlRules, check_url

RULES = UrlRules(schemes=frozenset({"http", "https"}), own=frozenset({"jobs.example.com"}))

REFUSED = {
    "scheme": [
        "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:text/plain,x", "javascript:alert(1)",
        "ws://example.com/", "HTTP://example.com/", "//example.com/", "ht\ntp://example.com/", "", "example.com",
        "dict://example.com/", "ldap://example.com/", "wss://example.com/", "http\x00://example.com/",
        "jar:https://example.com!/", "blob:https://example.com/x", " https://example.com/",
    ],
    "loopback": ["http://127.0.0.1/", "http://127.9.9.9/", "http://[::1]/"],
    "unspecified": ["http://0.0.0.0/", "http://[::]/"],
    "private": [
        "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/",
        "http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[fec0::1]/",
    ],
    "link-local": ["http://169.254.1.1/", "http://[fe80::1]/"],
    "metadata": [
        "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
        "http://168.63.129.16/", "http://192.0.0.192/", "http://metadata.google.internal/", "http://metadata.goog/",
    ],
    "reserved": [
        "http://192.0.0.1/", "http://192.31.196.1/", "http://192.52.193.1/", "http://192.175.48.1/",
        "http://[100:0:0:1::1]/", "http://[2620:4f:8000::1]/", "http://192.0.2.1/", "http://198.18.0.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://240.0.0.1/",
        "http://255.255.255.255/", "http://192.88.99.1/", "http://[100::1]/", "http://[2001:db8::1]/",
        "http://[3fff::1]/", "http://[5f00::1]/", "http://[2001:10::1]/",
    ],
    "multicast": ["http://224.0.0.1/", "http://239.255.255.255/", "http://[ff02::1]/"],
    "embedded IPv4": [
        "http://[::ffff:0:127.0.0.1]/", "http://[::127.0.0.1]/", "http://[2001::7f00:1]/", "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::8.8.8.8]/", "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2001:0:1::1]/",
        "http://[2606:4700::5efe:7f00:1]/", "http://[2606:4700::200:5efe:10.0.0.1]/",
    ],
    "ambiguous": [
        "http://[::%lo]/", "http://example.com%0d%0aX:y/", "http://example.com/\r\nX: y", "http://::1/",
        "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://[::1].evil.com/",
        "http://exa mple.com/", "http://example.com\t/", "http://example.com/a b", "http://example.com:/",
        "http://example.com:80:90/", "http://example.com:007/", "http://example.com:99999999/", "http:///x",
        "http:example.com", "http://exam%70le.com/", "http://example.com/%0d%0a\r\nX: y", "http://example.com/\x00",
        "http://" + "a." * 1100 + "com/", "http://[::1", "http://example.com:６４/",
    ],
    "user information": [
        "http://ok@127.0.0.1/", "http://user:pw@example.com/", "http://a@b@example.com/",
        "http://127.0.0.1\\@example.com/",
    ],
    "port": [
        "http://example.com:25/", "http://example.com:8000/", "http://example.com:22/", "http://example.com:6379/", "http://example.com:5432/", "http://example.com:65536/",
    ],
    "number form": [
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://4294967297/",
        "http://1.2.3.0x4/", "http://127.0.0.01/", "http://256.1.1.1/", "http://１２７.0.0.1/", "http://127。0。0。1/",
        "http://①②⑦.0.0.1/", "http://127.0.0.1./", "http://0/", "http://0x/",
    ],
    "local name": [
        "http://localhost/", "http://localhost./", "http://a.localhost/", "http://redis/", "http://db.local/",
        "http://ℓocalhost/", "http://ＬＯＣＡＬＨＯＳＴ/", "http://db.internal/", "http://nas.home.arpa/",
    ],
    "host name": ["http://exa_ mple/".replace(" ", "‍"), "http://-.com/", "http://a..com/", "http://xn--a.com/"],
    "own host": ["https://jobs.example.com/x", "https://JOBS.example.com./x"],
}  # fmt: skip


@pytest.mark.parametrize(("fault", "url"), [(fault, url) for fault, urls in REFUSED.items() for url in urls])
def test_a_url_of_each_refused_class_is_refused_by_that_name(fault: str, url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        check_url(url, RULES)

    assert refused.value.data["fault"] == fault


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443)),
        ("https://example.com:443/a/b?c=d&e=%20#f", Target("https", "example.com", 443)),
        ("http://93.184.215.14/x", Target("http", "93.184.215.14", 80)),
        ("https://[2606:4700:4700::1111]/", Target("https", "2606:4700:4700::1111", 443)),
        ("https://bücher.example/", Target("https", "xn--bcher-kva.example", 443)),
        ("https://faß.example/", Target("https", "xn--fa-hia.example", 443)),
        ("https://Example.COM./", Target("https", "example.com", 443)),
    ],
)
def test_a_public_url_leads_where_it_says(url: str, target: Target) -> None:
    assert check_url(url, RULES) == target


def test_only_https_is_asked_unless_settings_say_otherwise() -> None:
    with pytest.raises(UrlNotAllowed, match="scheme"):
        check_url("http://example.com/", UrlRules())


def test_a_host_that_settings_name_may_be_asked_whatever_it_is() -> None:
    rules = UrlRules(exempt=frozenset({"127.0.0.1:9000", "localhost"}))

    assert check_url("http://127.0.0.1:9000/hook", rules).port == 9000
    assert check_url("http://localhost:1234/hook", rules).host == "localhost"
    with pytest.raises(UrlNotAllowed):
        check_url("http://127.0.0.1:9001/hook", rules)


def test_a_refusal_never_shows_an_address() -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        check_url("https://169.254.169.254/", RULES)

    assert "169" not in str(refused.value)
