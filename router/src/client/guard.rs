//! Keeps requests that customers aim out of our own network.
//!
//! Whoever may set the URL of a webhook could otherwise have the router ask the metadata service of the cloud, or a database next door, and
//! show the answer. What counts is the address that is connected to: names are checked once they are resolved, so that no name
//! and no second answer of a name server leads inside.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// A mark in a request's extensions: it may go to an address inside our own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowInternal;

/// Whether an address is inside some network, and not on the internet: loopback, private, shared (carrier-grade NAT), link-local (with
/// the metadata services of clouds), unique local, unspecified, multicast, reserved; also where it is wrapped in an IPv6 address.
#[must_use]
pub fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_internal_v4(v4),
        IpAddr::V6(v6) => is_internal_v6(v6),
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        [0 | 10 | 127, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        [169, 254, ..] | [192, 168, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        [first, ..] => first >= 224,
    }
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    let wrapped = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_internal_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Unspecified, loopback, IPv4-compatible; IPv4-mapped; translated (with and without ::ffff:0:0).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => wrapped(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => wrapped(high, low),
        // NAT64: the well-known prefix, and the one for use inside a network.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => wrapped(high, low),
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4 holds an IPv4 address, Teredo hides one; 100::/64 is thrown away.
        [0x2002, high, low, ..] => wrapped(high, low),
        [0x2001, 0, ..] | [0x100, 0, 0, 0, ..] => true,
        // Unique local fc00::/7, link-local fe80::/10, site-local fec0::/10, multicast ff00::/8.
        [first, ..] => (first & 0xfe00) == 0xfc00 || first >= 0xfe80,
    }
}

/// Refused by the guard; the text names what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0} is an internal address")]
pub(super) struct InternalAddress(pub(super) String);

/// Refuses a URI whose host is an internal address as it stands: such a one is never resolved.
pub(super) fn check(uri: &Uri) -> Result<(), InternalAddress> {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(address) if is_internal(address) => Err(InternalAddress(host.to_owned())),
        _ => Ok(()),
    }
}

/// Resolves names, and leaves internal addresses out unless they are allowed.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    inner: GaiResolver,
    allow: bool,
}

impl Resolver {
    pub(super) fn new(allow: bool) -> Self {
        Self { inner: GaiResolver::new(), allow }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = super::BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_owned();
        let (resolving, allow) = (self.inner.call(name), self.allow);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            let any = !found.is_empty();
            let kept: Vec<_> = found.into_iter().filter(|at| allow || !is_internal(at.ip())).collect();
            if any && kept.is_empty() { Err(InternalAddress(host).into()) } else { Ok(kept.into_iter()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_told_from_those_outside() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:1::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_internal(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ] {
            assert!(!is_internal(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn hosts_that_are_addresses_are_checked_as_they_stand() {
        for inside in
            ["http://127.0.0.1:80/", "https://[::1]/", "http://[::ffff:10.0.0.1]:8080/x", "http://169.254.169.254"]
        {
            assert!(check(&inside.parse().unwrap()).is_err(), "{inside}");
        }
        for other in ["http://8.8.8.8/", "http://[2606:4700::1111]/", "https://partner.example/127.0.0.1"] {
            assert!(check(&other.parse().unwrap()).is_ok(), "{other}");
        }
    }
}
