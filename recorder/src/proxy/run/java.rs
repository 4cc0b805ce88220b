//! A trust store for Java: certificates in the old format of its own (JKS), which every release reads without being told a provider.
//!
//! ```text
//! FEEDFEED 00000002 <count>
//!   00000002 <alias> <milliseconds since 1970> "X.509" <length> <DER>      for each certificate
//! SHA-1 of: password in UTF-16, "Mighty Aphrodite", everything above
//! ```

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;

/// The sum guards against accidents, not against anybody: there is no secret in a trust store. This is everybody's password.
pub(super) const PASSWORD: &str = "changeit";

pub(super) fn trust_store<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> Vec<u8> {
    let certificates: Vec<_> = certificates.into_iter().collect();
    let mut store = Vec::new();
    number(&mut store, 0xFEED_FEED);
    number(&mut store, 2);
    number(&mut store, certificates.len());
    for (at, certificate) in certificates.iter().enumerate() {
        number(&mut store, 2);
        text(&mut store, &format!("ca-{at}"));
        // Nobody reads when it was added.
        store.extend_from_slice(&[0; 8]);
        text(&mut store, "X.509");
        number(&mut store, certificate.len());
        store.extend_from_slice(certificate);
    }
    let mut sum = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for unit in PASSWORD.encode_utf16() {
        sum.update(&unit.to_be_bytes());
    }
    sum.update(b"Mighty Aphrodite");
    sum.update(&store);
    store.extend_from_slice(sum.finish().as_ref());
    store
}

/// Four bytes, the first one first. Nothing here is longer than they can say.
fn number(store: &mut Vec<u8>, number: usize) {
    store.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}

/// Its length in two bytes, and ASCII.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_each_certificate_and_a_sum_at_its_end() {
        let certificates = [CertificateDer::from(vec![1; 300]), CertificateDer::from(vec![2; 3])];
        let store = trust_store(&certificates);
        assert_eq!(&store[..12], [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 2]);
        let entry = |alias: &str, len: usize| 4 + 2 + alias.len() + 8 + 2 + 5 + 4 + len;
        assert_eq!(store.len(), 12 + entry("ca-0", 300) + entry("ca-1", 3) + 20);
    }
}
