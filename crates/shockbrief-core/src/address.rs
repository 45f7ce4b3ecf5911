//! Addresses of other machines: read by one parser, judged by what it reads, never by how the text begins.
//!
//! `http://127.0.0.1:x@elsewhere/` begins like this machine and means another one; the parser that sends the request
//! is the one that is asked here. Refuses an address that carries a user's name or password, and plain http to any
//! machine but this one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use url::{Host, Url};

/// What is wrong with an address, and what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsafe {
    /// What is wrong, after the name of what has the address.
    pub fault: &'static str,
    /// What to do.
    pub hint: &'static str,
}

const fn fault(fault: &'static str, hint: &'static str) -> Unsafe {
    Unsafe { fault, hint }
}

/// An address that keeps secrets: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// No address, one with a user's name or password, or one of another scheme than https; http is for this machine.
    pub fn web(text: &str) -> Result<Self, Unsafe> {
        let url = Url::parse(text).map_err(|_| {
            fault("its address cannot be read", "write https://host/path, as it stands in a browser")
        })?;
        if has_user(&url) {
            return Err(USER);
        }
        match url.scheme() {
            "https" if url.host().is_some() => Ok(Self(url)),
            "http" if is_this_machine(&url) => Ok(Self(url)),
            _ => Err(fault("its address is not https", "write https://…; http is for 127.0.0.1 alone")),
        }
    }

    /// The address as the parser writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether it is plain http, which only this machine may have.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

const USER: Unsafe = fault(
    "its address carries a user's name or password",
    "take out what stands before the @, and name the place of the secret beside the address",
);

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or number, without brackets.
    pub host: String,
    /// Its port: 465 for `smtps`, 587 for `smtp` where none is written.
    pub port: u16,
    /// Whether TLS comes first (`smtps`).
    pub wrapped: bool,
    /// Whether it is this machine.
    pub local: bool,
}

impl MailServer {
    /// Reads `smtps://host:465` or `smtp://host:587`.
    ///
    /// # Errors
    /// Another scheme, no host, a user's name, or anything after the port.
    pub fn read(text: &str) -> Result<Self, Unsafe> {
        const FORM: Unsafe = fault(
            "its server is no smtp address",
            "write smtps://host:465, or smtp://host:587, and nothing else",
        );
        let url = Url::parse(text).map_err(|_| FORM)?;
        if has_user(&url) {
            return Err(USER);
        }
        let wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(FORM),
        };
        let more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        // A scheme that the web does not know has its host as text.
        let host =
            url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || more || host.contains(['%', ' ']) {
            return Err(FORM);
        }
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        Ok(Self { host, port: url.port().unwrap_or(if wrapped { 465 } else { 587 }), wrapped, local })
    }
}

/// Whether an address holds a user's name or password.
#[must_use]
pub fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether an address is of this machine, by its parsed host.
#[must_use]
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a number is of this machine or of the network around it: nothing that a server elsewhere should send us to.
#[must_use]
pub fn is_inner(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_inner_v4(ip),
        IpAddr::V6(ip) => is_inner_v6(ip),
    }
}

fn is_inner_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_broadcast()
        || ip.is_multicast()
        // Shared by carriers (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544), "this network".
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && ip.octets()[2] == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a == 0
}

fn is_inner_v6(ip: Ipv6Addr) -> bool {
    let [first, second, .., seventh, eighth] = ip.segments();
    let inside = || {
        let ([a, b], [c, d]) = (seventh.to_be_bytes(), eighth.to_be_bytes());
        is_inner_v4(Ipv4Addr::new(a, b, c, d))
    };
    // IPv4 written as IPv6: mapped, translated (64:ff9b::/96), 6to4.
    let carried = match (first, second) {
        (0, 0) => inside(),
        (0x64, 0xff9b) => inside(),
        (0x2002, _) => {
            let [_, second, third, ..] = ip.segments();
            let ([a, b], [c, d]) = (second.to_be_bytes(), third.to_be_bytes());
            is_inner_v4(Ipv4Addr::new(a, b, c, d))
        }
        _ => false,
    };
    ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || (first & 0xfe00) == 0xfc00
        || (first & 0xffc0) == 0xfe80
        || carried
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://example.org/x",
            "https://example.org:8443",
            "http://127.0.0.1:80/x",
            "http://127.0.0.1/",
            "http://127.8.0.1:9",
            "http://[::1]:9/",
            "http://localhost:9",
            "HTTP://LOCALHOST:9",
        ] {
            assert!(Address::web(good).is_ok(), "{good}");
        }
        for (bad, fault) in [
            ("http://example.org", "not https"),
            ("http://127.0.0.1.example.org", "not https"),
            ("http://localhost.example.org:9", "not https"),
            ("ftp://127.0.0.1/x", "not https"),
            ("file:///etc/passwd", "not https"),
            ("http://127.0.0.1:x@127.0.0.2:9/", "user's name"),
            ("http://localhost:x@example.org/", "user's name"),
            ("http://127.0.0.1:80@example.org/", "user's name"),
            ("https://me@example.org/", "user's name"),
            ("https://me:word@example.org/", "user's name"),
            ("http:\\\\127.0.0.1:x@example.org\\", "user's name"),
            ("https://", "cannot be read"),
            ("127.0.0.1:80", "cannot be read"),
            ("", "cannot be read"),
        ] {
            let told = Address::web(bad).unwrap_err();
            assert!(told.fault.contains(fault), "{bad}: {told:?}");
        }
    }

    #[test]
    fn mail_servers_are_host_and_port() {
        let read = |text: &str| {
            MailServer::read(text).map(|server| (server.host, server.port, server.wrapped, server.local))
        };
        let host = |host: &str, port, wrapped, local| Ok((host.to_owned(), port, wrapped, local));
        assert_eq!(read("smtp://127.0.0.1:2525"), host("127.0.0.1", 2525, false, true));
        assert_eq!(read("smtps://mail.example.org"), host("mail.example.org", 465, true, false));
        assert_eq!(read("smtp://mail.example.org/"), host("mail.example.org", 587, false, false));
        assert_eq!(read("smtp://[::1]:25"), host("::1", 25, false, true));
        for bad in [
            "smtp://127.0.0.1:x@mail.example.org:25",
            "smtp://localhost@mail.example.org",
            "smtp://mail.example.org:25/x",
            "smtp://mail.example.org:25?x",
            "smtp://",
            "http://127.0.0.1:25",
            "mail.example.org:25",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn inner_addresses_in_every_writing() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
        ] {
            assert!(is_inner(inner.parse().unwrap()), "{inner}");
        }
        for outer in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.2.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(!is_inner(outer.parse().unwrap()), "{outer}");
        }
    }
}
