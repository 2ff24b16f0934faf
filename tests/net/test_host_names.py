"""A host has one ASCII form; what readers of names in Unicode read in several ways is refused, and so is what is no name."""

# ruff: noqa: RUF001 - letters that look like others are what is tested

from __future__ import annotations

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.domain.errors import UrlNotAllowed
from milepost.net.host_names import ascii_host

ONE_FORM = {
    "example.com": "example.com",
    "EXAMPLE.Com.": "example.com.",
    "münchen.de": "xn--mnchen-3ya.de",
    "MÜNCHEN.DE": "xn--mnchen-3ya.de",
    "mu\u0308nchen.de": "xn--mnchen-3ya.de",
    "日本語.jp": "xn--wgv71a119e.jp",
    "日本語。jp": "xn--wgv71a119e.jp",
    "日本語．ｊｐ": "xn--wgv71a119e.jp",
    "日本語｡jp": "xn--wgv71a119e.jp",
    "пример.рф": "xn--e1afmkfd.xn--p1ai",
    "παράδειγμα.gr": "xn--hxajbheg2az3al.gr",
    "例え.テスト": "xn--r8jz45g.xn--zckzah",
    "한국.kr": "xn--3e0b707e.kr",
    "مثال.com": "xn--mgbh0fb.com",
    "דוגמה.com": "xn--6dbbec0c.com",
    "उदाहरण.com": "xn--p1b6ci4b4b3a.com",
    "ｅｘａｍｐｌｅ．ｃｏｍ": "example.com",
    "ℓocalhost": "localhost",
    "①②⑦.⓪.⓪.①": "127.0.0.1",
    "xn--mnchen-3ya.de": "xn--mnchen-3ya.de",
    "XN--MNCHEN-3YA.de": "xn--mnchen-3ya.de",
    # who writes the ASCII form has said which
    "xn--fa-hia.de": "xn--fa-hia.de",
    "xn--strae-oqa.de": "xn--strae-oqa.de",
    "fass.de": "fass.de",
    "xn--mgba3gch31f060k.com": "xn--mgba3gch31f060k.com",
    "under_score.example.com": "under_score.example.com",
    "_dmarc.example.com": "_dmarc.example.com",
    "r3---sn-apo3qvuoxuxbt-j5pe.googlevideo.com": "r3---sn-apo3qvuoxuxbt-j5pe.googlevideo.com",
    "a" * 63 + ".com": "a" * 63 + ".com",
}
# UTS-46 transitional, IDNA 2003 and IDNA 2008 do not agree, or the eye does not
SEVERAL = [
    "faß.de", "FAẞ.de", "straße.example.com", "βόλος.com", "ΒΌΛΟς.com", "a.faß.b.com", "نامه\u200cای.com", "क्\u200dष.com",
    "exa\u200bmple.com", "exam\u00adple.com", "\ufeffexample.com", "example\u2060.com", "exa\u034fmple.com", "exam\ufe0fple.com",
    "ㅤ.com", "example.com\u200b", "a\u180eb.com", "\u1160.com", "exa\U000e0101mple.com", "ᏸ.com", "Ꭰ.com", "ᴬ.com",
]  # fmt: skip
NONE = [
    "", ".", "..", ".com", "a..com", "example.com..", "-a.com", "a-.com", "-.com", "a_.-.com", "a" * 64 + ".com", "a." * 127 + "com",
    "💩.la", "xn--ls8h.la", "i❤.ws", "xn--i-7iq.ws", "♥.com", "☕.us", "😀😀.to", "👨\u200d👩\u200d👧.com", "⌘.com", "√.com", "a→b.com",
    "xn--a.com", "xn--.com", "xn---.com", "xn--example-.com", "xn--99999999.com", "xn--xn---epa.com",
    "xn--mnchen-3y.de", "xn--ab-cd\u00fc.com", "xn--\u00fc.com", "a\u200db.com", "\u200d.com", "a\u0301\u0301.\u0301.com", "אa.com", "1א.com",
    "a b.com", "a,b.com", "a;b.com", "a!b.com", "a$b.com", "a'b.com", "a(b).com", "a=b.com", "a&b.com", "a+b.com", "a*b.com", "a~b.com",
    "a\u2024b.com", "㏂.com", "a\uff0fb.com", "a\uff20b.com", "a\uff1ab.com", "a\uff03b.com", "⒈com", "\u2028.com", "\ud800.com",
    "·.com", "a·b.com", "・.com", "a\u30fbb.com", "٠۰.com", "a\x00b.com", "a\x7fb.com", "a\u202eb.com", "\U0010ffff.com",
]  # fmt: skip


@pytest.mark.parametrize("written", ONE_FORM)
def test_a_name_has_one_ascii_form_and_that_form_is_its_own(written: str) -> None:
    assert ascii_host(written) == ONE_FORM[written]
    assert ascii_host(ONE_FORM[written]) == ONE_FORM[written]


@pytest.mark.parametrize("written", SEVERAL)
def test_a_name_that_readers_read_in_several_ways_is_refused_and_says_so(written: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        ascii_host(written)

    assert refused.value.data["fault"] == "ambiguous"
    assert refused.value.hint


def test_both_readings_are_named_so_that_one_can_be_chosen() -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        ascii_host("faß.de")

    assert "xn--fa-hia.de" in str(refused.value.hint)
    assert "fass.de" in str(refused.value.hint)


@pytest.mark.parametrize("written", NONE)
def test_what_is_no_name_by_idna_2008_is_refused_or_has_no_single_reading(written: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        ascii_host(written)

    assert refused.value.data["fault"] in {"host name", "ambiguous"}


@settings(max_examples=600, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_browser_and_python_find_the_same_host_wherever_one_is_found(labels: list[str]) -> None:
    written = ".".join([*labels, "com"])
    try:
        host = ascii_host(written)
    except UrlNotAllowed:
        return

    # a character that is newer than a reader's tables has no reading there
    readings = {read for read in (by_browser(written), by_python(written)) if read is not None}
    assert readings <= {host}
    assert host.isascii()
    assert host == host.lower()


def by_browser(host: str) -> str | None:
    try:
        return ada_url.URL(f"https://{host}/").hostname
    except ValueError:
        return None


def by_python(host: str) -> str | None:
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return None
