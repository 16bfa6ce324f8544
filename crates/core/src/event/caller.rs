//! Caller: the origin of a call, from `sourceIPAddress`.

use std::net::{IpAddr, Ipv4Addr};

/// Origin of a call. `sourceIPAddress` holds an address in only two thirds of identity events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller<'a> {
    /// An address.
    Ip(IpAddr),
    /// An AWS service that calls on somebody's behalf: a host such as `cloudformation.amazonaws.com`, or `AWS
    /// Internal`.
    AwsService(&'a str),
    /// Absent, empty or unreadable.
    Unknown,
}

impl<'a> Caller<'a> {
    /// Parses `sourceIPAddress`.
    pub fn parse(text: &'a str) -> Self {
        if text.is_empty() {
            return Self::Unknown;
        }
        if let Some(address) = parse_address(text).or_else(|| last_of_several(text)) {
            return Self::Ip(address);
        }
        let is_service =
            text.ends_with(".amazonaws.com") || text.ends_with(".aws.internal") || text == "AWS Internal";
        if is_service { Self::AwsService(text) } else { Self::Unknown }
    }
}

/// The address of a list, `81.2.69.142, 192.168.10.10`, as some services copy it from a proxy's header. The last public one is
/// what AWS's own proxy saw: a client may put anything before it. A client with a private address can still name a public one.
fn last_of_several(text: &str) -> Option<IpAddr> {
    if !text.contains(',') {
        return None;
    }
    // Beyond the first part that is no address, everything is the client's own word.
    let proven = || text.rsplit(',').map_while(|part| parse_address(part.trim()));
    proven().find(|address| !is_private(*address)).or(proven().next())
}

/// Parses an address; IPv4 also with leading zeros, which `IpAddr` rejects.
fn parse_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        });
    }
    let mut octets = text.split('.').map(|part| if part.len() <= 4 { part.parse::<u8>().ok() } else { None });
    let address = Ipv4Addr::new(octets.next()??, octets.next()??, octets.next()??, octets.next()??);
    octets.next().is_none().then_some(IpAddr::V4(address))
}

/// Whether the address is private and so says nothing about a place in the world.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10, the carriers' shared address space (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    a == 100 && b & 0xc0 == 64
}

impl Caller<'_> {
    /// The address, if it is public.
    pub fn public_address(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) if !is_private(address) => Some(address),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_services_and_nothing_are_told_apart() {
        assert_eq!(Caller::parse("198.51.100.7"), Caller::Ip("198.51.100.7".parse().unwrap()));
        assert_eq!(Caller::parse("198.051.100.007"), Caller::Ip("198.51.100.7".parse().unwrap()));
        assert_eq!(Caller::parse("::ffff:198.51.100.7"), Caller::Ip("198.51.100.7".parse().unwrap()));
        assert_eq!(Caller::parse("2001:db8::1"), Caller::Ip("2001:db8::1".parse().unwrap()));
        assert_eq!(Caller::parse("AWS Internal"), Caller::AwsService("AWS Internal"));
        assert_eq!(Caller::parse("s3.amazonaws.com"), Caller::AwsService("s3.amazonaws.com"));
        for text in ["", "1.2.3", "1.2.3.4.5", "1.2.3.400", "evil.example", "00001.2.3.4"] {
            assert_eq!(Caller::parse(text), Caller::Unknown, "{text}");
        }
    }

    #[test]
    fn of_several_addresses_the_last_public_one_counts() {
        let is = |text: &str, expected: &str| {
            assert_eq!(Caller::parse(text), Caller::Ip(expected.parse().unwrap()), "{text}");
        };
        is("81.2.69.142, 192.168.10.10", "81.2.69.142");
        is("198.51.100.7, 81.2.69.142, 10.0.0.1", "81.2.69.142");
        is("10.0.0.1,10.0.0.2", "10.0.0.2");
        is("x, 81.2.69.142", "81.2.69.142");
        for text in ["81.2.69.142, evil.example", ",", "81.2.69.142,"] {
            assert_eq!(Caller::parse(text), Caller::Unknown, "{text}");
        }
    }

    #[test]
    fn a_private_address_is_nowhere() {
        assert_eq!(Caller::parse("10.1.2.3").public_address(), None);
        assert_eq!(Caller::parse("100.64.1.1").public_address(), None);
        assert!(Caller::parse("100.128.1.1").public_address().is_some());
    }
}
