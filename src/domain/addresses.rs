//! Which addresses of the network may be asked on somebody's behalf. Pure: looking a name up is its caller's.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names under which clouds tell machines their own secrets.
pub const METADATA_NAMES: &[&str] =
    &["metadata", "metadata.google.internal", "metadata.goog", "instance-data"];

/// Link-local, unspecified, or the metadata service of a cloud: never asked, whoever wants it.
#[must_use]
pub fn is_forbidden(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            // 100.100.100.200: Alibaba's; 192.0.0.192: Oracle's; 168.63.129.16: Azure's.
            address.is_link_local()
                || address.is_unspecified()
                || matches!(address.octets(), [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16])
        }
        IpAddr::V6(address) => {
            let amazon = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            address.is_unicast_link_local() || address.is_unspecified() || address == amazon
        }
    }
}

/// Whether an address is somewhere in the internet: not this machine, not its networks, nothing reserved. An IPv6 address
/// that stands for an IPv4 one (mapped, NAT64, 6to4) is as public as that is.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    if is_forbidden(address) {
        return false;
    }
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let segments = address.segments();
            let embedded = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            };
            match segments {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
                // Teredo and other special purposes, documentation.
                [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
                // All that is given out is in 2000::/3.
                [first, ..] => first & 0xe000 == 0x2000,
            }
        }
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_internet_is_not_public_however_it_is_written() {
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001::1",
            "::127.0.0.1",
            "3fff::1",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "172.32.0.1",
            "100.63.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
