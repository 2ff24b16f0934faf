"""Names that lead inside are refused by their class, with all that is below them; names of the public tree are not."""

from __future__ import annotations

import pytest
from publicsuffixlist import PublicSuffixList

from milepost.net.names import NAMES, REFUSED, refused_name

METADATA = """
    metadata.google.internal metadata.goog metadata.packet.net metadata.platformequinix.com metadata.tencentyun.com
    api.metadata.cloud.ibm.com metadata.azure.com metadata.oraclecloud.com metadata.digitalocean.com metadata.hetzner.cloud
    metadata.scaleway.com metadata.aliyun.com metadata.exoscale.com instance-data instance-data.ec2.internal rancher-metadata metadata
    x.metadata.google.internal data-server
"""
SPECIAL = """
    x.test test x.invalid x.example bücher.example x.onion facebookcorewwwi.onion x.alt 1.0.0.10.in-addr.arpa x.ip6.arpa in-addr.arpa
    ipv4only.arpa resolver.arpa service.arpa eap-noob.arpa 6tisch.arpa eap.arpa e164.arpa
"""
LOCAL = """
    localhost a.localhost localhost.localdomain db.local x.private fritz.box router.fritz.box kubernetes.default.svc kubernetes.default
    kubernetes.default.svc.cluster.local x.default.svc redis.service.consul consul.service.dc1.consul db.internal host.docker.internal
    ip-10-0-0-1.ec2.internal nas.lan nas.home nas.home.arpa x.corp x.intranet x.priv intranet redis db postgres router kubernetes
    host.containers.internal gateway.docker.internal vm.novalocal host.openstacklocal vm.sub.vcn.oraclevcn.com vm.internal.cloudapp.net
    mirrors.tencentyun.com routerlogin.net www.routerlogin.net tplinkwifi.net speedport.ip easy.box router.asus.com pi.hole
    localtest.me a.lvh.me 127.0.0.1.nip.io 10-0-0-1.sslip.io 169.254.169.254.xip.io 7f000001.c0a80001.rbndr.us
"""
UNKNOWN = """
    db.production vault.dc1 printer.office1 x.k8s-prod redis.default x.staging x.zzz x.localnet x.mshome x.belkin x.home-network x.dhcp
    x.bit x.eth x.i2p x.exit x.gnu x.xn--zckzah x.mail x.local1 x.com1 x.c
"""
PUBLIC = """
    example.com example.org example.net a.b.c.example.co.uk github.com hooks.slack.com consul.io private.com local.ch internal.io
    corp.com lan.com home.com test.com onion.com svc.com kubernetes.io invalid.org metadata.example.com localhost.com my-localhost.dev
    box.com fritzbox.com tencent.com cloud.tencent.com packet.net equinix.com google.com cloud.google.com hetzner.com oracle.com
    arpa.com x.zip x.dev x.app x.ai x.io x.museum x.xn--p1ai x.xn--wgv71a119e.jp x.xn--fiqs8s x.kp x.ck x.bd notlocal.com nip.com
"""


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("metadata", METADATA),
        ("special-use name", SPECIAL),
        ("local name", LOCAL),
        ("unknown top-level domain", UNKNOWN),
    ],
)
def test_a_name_for_inside_is_refused_by_its_class(fault: str, names: str) -> None:
    assert {name: refused_name(name) for name in names.split()} == dict.fromkeys(names.split(), fault)


def test_a_name_of_the_public_tree_may_be_looked_up() -> None:
    assert {name: refused_name(name) for name in PUBLIC.split()} == dict.fromkeys(PUBLIC.split())


def test_every_listed_name_is_refused_with_what_is_below_it_and_nothing_is_that_only_ends_alike() -> None:
    for name, fault in REFUSED.items():
        assert refused_name(name) == fault
        assert refused_name(f"a.b.{name}") in {fault, "local name", "metadata"}
        assert refused_name(f"x{name}") == refused_name(f"anything.{name.partition('.')[2]}".rstrip("."))


def test_no_listed_name_takes_a_public_suffix_away() -> None:
    suffixes = PublicSuffixList(accept_unknown=False, only_icann=True)
    whole = {name for name in REFUSED if suffixes.publicsuffix(name) == name}

    assert whole == {"onion", "arpa", "home.arpa"}


def test_no_name_stands_in_two_lines_or_below_one_of_its_class() -> None:
    every = [name for _, _, names in NAMES for name in names.split()]
    assert len(every) == len(set(every))
    parents = {name: [".".join(name.split(".")[start:]) for start in range(1, name.count(".") + 1)] for name in every}
    hidden = [name for name, above in parents.items() if any(REFUSED.get(parent) == REFUSED[name] for parent in above)]

    assert hidden == []
