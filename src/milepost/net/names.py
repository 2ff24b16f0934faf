"""Which host names lead inside: one table, each name with all that is below it, and whatever ends in no public top-level domain.

What a resolver of the house answers to such a name the world's does not. Of any other name the addresses are judged once
they are known (`net/addresses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from publicsuffixlist import PublicSuffixList

CLOUDS = (
    "aliyun.com aliyuncs.com alibabacloud.com aws azure.com azure.net cloud.ibm.com digitalocean.com exoscale.com goog google"
    " hetzner.cloud hetzner.com huaweicloud.com linode.com myhuaweicloud.com oraclecloud.com ovh.com ovh.net packet.net"
    " platformequinix.com scaleway.com scw.cloud tencentcloud.com tencentyun.com upcloud.com vultr.com yandexcloud.net"
)
# class, what it is, names
NAMES: tuple[tuple[str, str, str], ...] = (
    ("metadata", "metadata services of clouds", " ".join(f"metadata.{cloud}" for cloud in CLOUDS.split())),
    (
        "metadata",
        "metadata services by other names",
        """
            metadata metadata.google.internal metadata.azure.internal metadata.tce.internal instance-data
            instance-data.ec2.internal data-server rancher-metadata rancher-metadata.rancher.internal
        """,
    ),
    ("special-use name", "IANA's special-use domain names", "test invalid example onion alt arpa"),
    ("local name", "of this machine and this network", "localhost localdomain local home.arpa internal"),
    (
        "local name",
        "top-level domains that networks give themselves",
        "private priv lan wlan home homenet intranet intra corp domain workgroup dmz docker k8s vagrant",
    ),
    ("local name", "clusters and service discovery", "svc pod kubernetes.default consul nomad mesos rancher"),
    (
        "local name",
        "what a cloud's own resolver answers, or leads to inner addresses",
        """
            internal.cloudapp.net oraclevcn.com novalocal openstacklocal tencentyun.com private.cloud.ibm.com
            service.softlayer.com service.networklayer.com adn.networklayer.com priv.instances.scw.cloud
            priv.cloud.scaleway.com vpce.amazonaws.com
        """,
    ),
    (
        "local name",
        "routers, repeaters and access points",
        """
            fritz.box fritz.nas fritz.repeater fritz.powerline easy.box o2.box congstar.box speedport.ip
            routerlogin.net routerlogin.com mywifiext.net mywifiext.com orbilogin.net orbilogin.com tplinkwifi.net
            tplinklogin.net tplinkrepeater.net tplinkextender.net tplinkap.net tplinkmodem.net tplinkplclogin.net
            tplinkdeco.net router.asus.com repeater.asus.com asusrouter.com linksyssmartwifi.com
            extender.linksys.com router.synology.com miwifi.com tendawifi.com tendalogin.com re.tenda.cn melogin.cn
            falogin.cn mwlogin.net leike.cc phicomm.me p.to huaweimobilewifi.com hi.link mobile.hotspot
            ufi.ztedevice.com homerouter.cpe mafreebox.freebox.fr mabbox.bytel.fr attlocal.net myfiosgateway.com
            console.gl-inet.com setup.ubnt.com my.keenetic.net my.meraki.com ap.meraki.com switch.meraki.com
            wired.meraki.com setup.meraki.com instant.arubanetworks.com securelogin.arubanetworks.com
            setup.arubanetworks.com unleashed.ruckuswireless.com aterm.me web.setup ntt.setup pi.hole samsung.router
            vodafone.connect
        """,
    ),
    (
        "local name",
        "public names of whatever machine asks",
        """
            localtest.me lvh.me vcap.me lacolhost.com fuf.me local.gd localhost.direct localho.st localh.st
            127-0-0-1.org.uk spoofed.burpcollaborator.net bugbounty.dod.network
        """,
    ),
    (
        "local name",
        "names that lead to the address they spell, or to another each time",
        "nip.io sslip.io xip.io xip.name ip.addr.tools backname.io traefik.me plex.direct 1u.ms rbndr.us rebind.network rebind.it",
    ),
)
REFUSED: Mapping[str, str] = {name: fault for fault, _, names in reversed(NAMES) for name in names.split()}


def refused_name(host: str) -> str | None:
    """The class a name is refused for, None for one that may be looked up. In ASCII, lower case, without a last dot."""
    labels = host.split(".")
    for start in range(len(labels)):
        fault = REFUSED.get(".".join(labels[start:]))
        if fault is not None:
            return fault
    if len(labels) == 1:
        return "local name"
    return None if public_suffixes().publicsuffix(host) else "unknown top-level domain"


@cache
def public_suffixes() -> PublicSuffixList:
    """Mozilla's list, as the release brings it; parsed once, in some tens of milliseconds."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)
