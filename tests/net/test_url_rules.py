"""Which URLs are refused before anything is looked up, class by class."""

# ruff: noqa: RUF001 - letters that look like others are what is tested

from __future__ import annotations

from urllib.parse import urlsplit

import ada_url
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.domain.errors import UrlNotAllowed
from milepost.net.url_rules import Target, UrlRules, check_url

RULES = UrlRules(schemes=frozenset({"http", "https"}), own=frozenset({"jobs.example.com"}))

REFUSED = {
    "scheme": [
        "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:text/plain,x", "javascript:alert(1)",
        "ws://example.com/", "//example.com/", "https//example.com/", "httpſ://example.com/", "ht\ntp://example.com/", "", "example.com",
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
        "https://metadata.packet.net/userdata", "http://metadata.tencentyun.com/", "https://METADATA.Google.Internal./",
        "http://ｍｅｔａｄａｔａ．ｇｏｏｇ/", "http://metadata。goog。/", "http://169.254.170.2/", "http://[fd20:ce::254]/",
    ],
    "special-use name": [
        "https://x.test/", "https://x.invalid/", "https://x.example/", "https://x.onion/", "https://x.alt/", "https://1.0.0.10.in-addr.arpa/",
        "https://x.ip6.arpa./", "https://X.TEST/", "https://bücher.example/", "https://x。ｔｅｓｔ/",
    ],
    "unknown top-level domain": ["https://db.production/", "https://redis.default/", "https://x.localnet/", "https://例え.テスト/"],
    "length": ["http://" + "a." * 1100 + "com/", "https://example.com/" + "a" * 2048, "https://example.com/" + "é" * 400],
    "reserved": [
        "http://192.0.0.1/", "http://192.31.196.1/", "http://192.52.193.1/", "http://192.175.48.1/",
        "http://[100:0:0:1::1]/", "http://[2620:4f:8000::1]/", "http://192.0.2.1/", "http://198.18.0.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://240.0.0.1/",
        "http://255.255.255.255/", "http://192.88.99.1/", "http://[100::1]/", "http://[2001:db8::1]/",
        "http://[3fff::1]/", "http://[5f00::1]/", "http://[2001:10::1]/", "http://[3ffe::1]/", "http://[64:ff9b:a00:1::]/",
        "http://[1:2:3:4:a:0:100:0]/", "http://[4000::1]/", "http://[100:0:0:2::1]/", "http://[2001:20::1]/", "http://[2001:30::1]/",
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
        "http://[::1", "http://example.com:６４/", "https:/example.com/", "https:////example.com/", "https:\\\\example.com/", "https://example.com/\\x", "https://example.com?@10.0.0.1/", "https://example.com#@10.0.0.1/",
        "https://example.com?x#@10.0.0.1/", "https://example.com:0/", "https://example.com:0443/", "https://example.com:+443/",
        "https://example.com: 443/", "https://example.com:443x/", "https://example.com:/", "https://exa\tmple.com/", "https://exa\nmple.com/",
        "https://example.com/a\tb", "https://example.com/a\nb", "https://example.com/\u2028", "https://example.com/\ufdd0",
        "https://example.com/\U0001ffff", "https://example.com/\x85", "https://example.com/a\u3000b", "https://example.com/ ",
        "https://local%68ost/", "https://%6c%6f%63alhost/", "https://[::ffff:127.0.0.1%25lo]/", "https://[1.2.3.4]/", "https://[::g]/",
        "https://[1::2::3]/", "https://[1:2:3:4:5:6:7:8:9]/", "https://[]/", "https://[::]x/", "https://2606:4700::1111/",
        "https://faß.de/", "https://exa\u200bmple.com/", "https://نامه\u200cای.com/", "https://<example.com>/", "https://{host}/",
    ],
    "user information": [
        "http://ok@127.0.0.1/", "http://user:pw@example.com/", "http://a@b@example.com/",
        "http://127.0.0.1\\@example.com/", "https://example.com\\@10.0.0.1/", "https://@example.com/", "https://:@example.com/", "https://a%40b@example.com/",
        "HTTPS://a@example.com/",
    ],
    "port": [
        "http://example.com:25/", "http://example.com:8000/", "http://example.com:22/", "http://example.com:6379/", "http://example.com:5432/", "http://example.com:65536/",
    ],
    "number form": [
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://4294967297/",
        "http://1.2.3.0x4/", "http://127.0.0.01/", "http://256.1.1.1/", "http://１２７.0.0.1/", "http://127。0。0。1/",
        "http://①②⑦.0.0.1/", "http://127.0.0.1./", "http://0/", "http://0x/", "https://example.1/", "https://1.2.3.4.5/", "https://1.2.3.4。/",
        "https://8.8.8.08/", "https://134744072/", "https://0x08080808/", "https://８.8.8.8/", "https://8.8/", "https://a.0x1/", "https://1e3.0/",
    ],
    "local name": [
        "http://localhost/", "http://localhost./", "http://a.localhost/", "http://redis/", "http://db.local/",
        "http://ℓocalhost/", "http://ＬＯＣＡＬＨＯＳＴ/", "http://db.internal/", "http://nas.home.arpa/", "https://kubernetes.default.svc/",
        "https://redis.service.consul/", "https://x.private/", "https://fritz.box/", "https://FRITZ.BOX./", "https://x.cluster.local/",
        "http://localhost。/", "http://ｌｏｃａｌｈｏｓｔ．/", "http://a｡local/", "https://com/", "https://127.0.0.1.nip.io/", "https://a.localtest.me/",
    ],
    "host name": [
        "http://exa_ mple/".replace(" ", "‍"), "http://-.com/", "http://a..com/", "http://xn--a.com/", "https://💩.la/", "https://xn--ls8h.la/",
        "https://a;b.com/", "https://a,b.com/", "https://example.com../", "https://./", "https://a!b.com/", "https://" + "a" * 64 + ".com/",
    ],
    "own host": ["https://jobs.example.com/x", "https://JOBS.example.com./x"],
}  # fmt: skip


@pytest.mark.parametrize(("fault", "url"), [(fault, url) for fault, urls in REFUSED.items() for url in urls])
def test_a_url_of_each_refused_class_is_refused_by_that_name(fault: str, url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        check_url(url, RULES)

    assert refused.value.data["fault"] == fault


ORDINARY = """
    https://example.com https://example.com/ https://example.com/hook https://example.com:443/a/b?c=d&e=%20 http://example.com/
    http://example.com:80/ https://example.com:80/ https://www.example.org/a/../b/./c https://example.net/?q https://example.com?x=1
    https://example.com/#top https://example.com/?a=b#c HTTPS://EXAMPLE.COM/Path https://Example.Com./x https://hooks.slack.com/services/T0/B0/x
    https://api.github.com/repos/o/r/hooks https://discord.com/api/webhooks/1/abc-DEF_2 https://hooks.zapier.com/hooks/catch/1/a/
    https://maker.ifttt.com/trigger/e/with/key/k https://events.pagerduty.com/v2/enqueue https://api.telegram.org/bot1:AAE-x_y/sendMessage
    https://outlook.office.com/webhook/a@b/IncomingWebhook/c/d https://prod-12.westeurope.logic.azure.com/workflows/a/triggers/manual/paths/invoke
    https://my-app.azurewebsites.net/api/hook?code=a== https://us-central1-project.cloudfunctions.net/hook https://service-abc-uc.a.run.app/
    https://abc123.execute-api.eu-west-1.amazonaws.com/prod/hook https://abcdef.lambda-url.us-east-1.on.aws/ https://bucket.s3.amazonaws.com/k
    https://app.herokuapp.com/callback https://my-site.netlify.app/.netlify/functions/hook https://my-app.vercel.app/api/hook
    https://app.fly.dev/ https://worker.user.workers.dev/ https://project.pages.dev/ https://a1b2-c3.ngrok-free.app/hook https://abc.trycloudflare.com/
    https://webhook.site/00000000-0000-0000-0000-000000000000 https://requestbin.net/r/abc https://enabled.pipedream.net https://hookdeck.com/x
    https://xn--mnchen-3ya.de/ https://münchen.de/ https://MÜNCHEN.de/Straße https://日本語.jp/ https://日本語。jp/パス?q=値 https://пример.рф/путь
    https://παράδειγμα.gr/ https://한국.kr/ https://مثال.com/ https://उदाहरण.com/ https://café.fr/menu https://españa.es/ https://ñandú.cl/ https://øre.no/
    https://ｅｘａｍｐｌｅ．ｃｏｍ/ https://xn--fa-hia.de/ https://xn--e1afmkfd.xn--p1ai/ https://中国.中国/ https://例子.公司/
    https://en.wikipedia.org/wiki/Foo_(bar) https://de.wikipedia.org/wiki/Straße https://ja.wikipedia.org/wiki/日本
    https://example.com/a;b=c/d,e!f$g&h'i(j)k*l+m=n:o@p~q https://example.com/%E2%82%AC https://example.com/100% https://example.com/%zz
    https://example.com/?q={"a":[1,2]} https://example.com/{id} https://example.com/a|b https://example.com/a^b https://example.com/`x`
    https://example.com/?u=https://other.example.com/x?y=z https://example.com/?email=a@b.example.com https://example.com/@user
    https://example.com/?next=//x&y=\u202e https://example.com/<a>"b" https://example.com/?a[]=1&a[]=2 https://example.com//double//slash
    https://under_score.example.com/ https://_x.example.com/ https://r3---sn-apo3qvuoxuxbt-j5pe.googlevideo.com/ https://a--b.example.com/
    https://1.example.com/ https://123.456.example.com/ https://1and1.com/ https://9gag.com/ https://3m.com/ https://0x10.com/ https://x.co/ https://t.co/a
    https://a.b.c.d.e.f.g.h.example.co.uk/ https://example.museum/ https://example.technology/ https://example.app/ https://example.dev/ https://example.io/
    https://example.zip/ https://example.ai/ https://example.рф/ https://example.xn--p1ai/ https://bbc.co.uk/ https://gov.uk/ https://nic.ck/ https://a.edu.au/
    https://local.ch/ https://internal.io/ https://metadata.example.com/ https://localhost.example.com/ https://my-internal.example.com/
    https://kubernetes.io/ https://consul.io/ https://test.com/ https://home.com/ https://private.com/ https://corp.com/ https://lan.com/
    http://93.184.215.14/x https://8.8.8.8/ https://1.1.1.1:443/ https://[2606:4700:4700::1111]/ https://[2606:4700:4700:0:0:0:0:1111]:443/x
    https://[2A00:1450:4001:81B::200E]/ https://[2001:4860:4860::8888]/ https://[2620:fe::fe]/ http://[2400:cb00::1]:80/ https://[2c0f:fb50::1]/
"""


@pytest.mark.parametrize("url", ORDINARY.split())
def test_an_ordinary_url_may_be_asked_and_is_kept_as_a_browser_asks_for_it(url: str) -> None:
    asked = ada_url.URL(url)
    asked.hash = ""

    target = check_url(url, RULES)

    assert target.url == asked.href.replace(".com./", ".com/")
    assert target.url.isascii()
    assert f"{target.scheme}://" in target.url
    assert check_url(target.url, RULES) == target


def test_there_are_more_than_a_hundred_ordinary_ones() -> None:
    assert len(set(ORDINARY.split())) > 120


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", ("https", "example.com", 443, "https://example.com/")),
        (
            "https://example.com:443/a/../b?c=d&e=%20#f",
            ("https", "example.com", 443, "https://example.com/b?c=d&e=%20"),
        ),
        ("https://example.com:80/", ("https", "example.com", 80, "https://example.com:80/")),
        ("http://93.184.215.14/x", ("http", "93.184.215.14", 80, "http://93.184.215.14/x")),
        (
            "https://[2606:4700:4700:0::1111]/",
            ("https", "2606:4700:4700::1111", 443, "https://[2606:4700:4700::1111]/"),
        ),
        ("https://münchen.de/ö?ü", ("https", "xn--mnchen-3ya.de", 443, "https://xn--mnchen-3ya.de/%C3%B6?%C3%BC")),
        ("https://日本語。jp", ("https", "xn--wgv71a119e.jp", 443, "https://xn--wgv71a119e.jp/")),
        ("HTTPS://Example.COM./A", ("https", "example.com", 443, "https://example.com/A")),
    ],
)
def test_a_public_url_leads_where_it_says(url: str, target: tuple[str, str, int, str]) -> None:
    assert check_url(url, RULES) == Target(*target)


@settings(max_examples=400, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from(["", "/", "/a?", "?", "#", ":443/"])
)
def test_checking_what_is_kept_changes_nothing_and_all_parsers_find_its_host(text: str, before: str) -> None:
    try:
        target = check_url(f"https://example.com{before}{text}", RULES)
    except UrlNotAllowed:
        return

    assert check_url(target.url, RULES) == target
    assert target.url.isascii()
    assert {ada_url.URL(target.url).hostname, urlsplit(target.url).hostname, httpx2.URL(target.url).host} == {
        target.host
    }


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("exampl.com:@/\\?#[]%0127 \t\nß"), max_size=24))
def test_parsers_find_one_host_in_whatever_is_allowed(text: str) -> None:
    url = f"https://{text}"
    try:
        target = check_url(url, RULES)
    except UrlNotAllowed:
        return

    assert {ada_url.URL(url).hostname.strip("[]").rstrip("."), str(urlsplit(url).hostname).rstrip(".")} == {target.host}


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
