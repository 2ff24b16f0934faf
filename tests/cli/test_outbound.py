"""Settings say which URLs may be asked besides the ordinary ones, and which never."""

from __future__ import annotations

import pytest

from milepost.cli.outbound import callback_rules
from milepost.domain.errors import ConfigurationError
from milepost.net.url_rules import UrlRules
from milepost.settings import Settings


def test_without_settings_only_https_on_the_usual_ports_is_asked() -> None:
    assert callback_rules(Settings()) == UrlRules(own=frozenset({"127.0.0.1"}))


def test_ports_exceptions_and_own_hosts_are_lists_with_commas() -> None:
    rules = callback_rules(
        Settings(
            allow_http_callbacks=True,
            url_ports="8443, 9443",
            url_exceptions="LocalHost:9000,[::1], 127.0.0.1",
            own_hosts="Jobs.Example.com., münchen.de,[2606:4700:0::1],203.0.113.7",
        )
    )

    assert rules == UrlRules(
        schemes=frozenset({"http", "https"}),
        ports=frozenset({80, 443, 8443, 9443}),
        exempt=frozenset({"localhost:9000", "[::1]", "127.0.0.1"}),
        own=frozenset({"jobs.example.com", "xn--mnchen-3ya.de", "2606:4700::1", "203.0.113.7"}),
    )


def test_where_the_api_is_reached_is_our_own_host() -> None:
    assert callback_rules(Settings(api_url="https://jobs.example.com:8443")).own == {"jobs.example.com"}


@pytest.mark.parametrize("ports", ["0", "65536", "abc", "80:443", "-1", "٣", "9" * 5000])
def test_what_is_no_port_is_named(ports: str) -> None:
    with pytest.raises(ConfigurationError, match="MILEPOST_URL_PORTS"):
        callback_rules(Settings(url_ports=ports))


@pytest.mark.parametrize("hosts", ["https://jobs.example.com", "a b", "jobs.example.com:443"])
def test_what_is_no_host_is_named(hosts: str) -> None:
    with pytest.raises(ConfigurationError, match="MILEPOST_OWN_HOSTS"):
        callback_rules(Settings(own_hosts=hosts))
