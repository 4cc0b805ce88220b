//! A certificate authority for one run. Its private key is made in memory, signs a leaf for each host that is asked for, and is
//! gone with the engine: it is never written and never shown.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::ProxyError;
use crate::codec::digest::{hex, sha256};
use crate::session::lock;

/// More hosts than this one run does not talk to; a client that makes names up must not fill the memory.
const HOSTS: usize = 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The authority of one engine.
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// One key for all leaves: they live as long as each other.
    key: KeyPair,
    serial: AtomicU64,
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    configs: Mutex<HashMap<String, Arc<ServerConfig>>>,
    provider: Arc<CryptoProvider>,
}

/// The only provider of cryptography here; never installed for the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl Authority {
    pub(super) fn new() -> Result<Self, ProxyError> {
        let failed = |error: rcgen::Error| ProxyError::Authority { reason: error.to_string() };
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        // Two runs must not look like one authority with two keys.
        let run = hex(&sha256(key.public_key_raw())[..6]);
        params.distinguished_name.push(DnType::OrganizationName, "traffic-recorder");
        params.distinguished_name.push(DnType::CommonName, format!("traffic-recorder, this run alone ({run})"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params);
        let certificate = params.self_signed(&key).map_err(failed)?.der().clone();
        Ok(Self {
            pem: pem(&certificate),
            certificate,
            issuer: Issuer::new(params, key),
            key: KeyPair::generate().map_err(failed)?,
            serial: AtomicU64::new(2),
            leaves: Mutex::default(),
            configs: Mutex::default(),
            provider: provider(),
        })
    }

    /// The certificate, in the form that clients read from files.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate as it is.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// How the engine plays a host to a client that speaks TLS.
    pub(super) fn server(self: &Arc<Self>, host: &str) -> Result<Arc<ServerConfig>, ProxyError> {
        if let Some(config) = lock(&self.configs).get(host) {
            return Ok(Arc::clone(config));
        }
        // A name that no certificate can have is told now, not in the middle of a handshake.
        self.leaf(host)?;
        let resolver = Leaves { authority: Arc::clone(self), host: host.to_owned() };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ProxyError::Authority { reason: error.to_string() })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        remember(&self.configs, host, &config);
        Ok(config)
    }

    fn leaf(&self, host: &str) -> Result<Arc<CertifiedKey>, ProxyError> {
        if let Some(leaf) = lock(&self.leaves).get(host) {
            return Ok(Arc::clone(leaf));
        }
        let refused =
            |reason: String| ProxyError::Authority { reason: format!("no certificate for `{host}`: {reason}") };
        let mut params = CertificateParams::new([host.to_owned()]).map_err(|e| refused(e.to_string()))?;
        params.distinguished_name.push(DnType::OrganizationName, "traffic-recorder");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // All leaves have one key: only their numbers tell them apart.
        params.serial_number = Some(SerialNumber::from(self.serial.fetch_add(1, Ordering::Relaxed)));
        validity(&mut params);
        let signed = params.signed_by(&self.key, &self.issuer).map_err(|e| refused(e.to_string()))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = self.provider.key_provider.load_private_key(key).map_err(|e| refused(e.to_string()))?;
        let leaf = Arc::new(CertifiedKey::new(vec![signed.der().clone(), self.certificate.clone()], key));
        remember(&self.leaves, host, &leaf);
        Ok(leaf)
    }
}

fn remember<T>(cache: &Mutex<HashMap<String, Arc<T>>>, host: &str, value: &Arc<T>) {
    let mut cache = lock(cache);
    if cache.len() >= HOSTS {
        cache.clear();
    }
    cache.insert(host.to_owned(), Arc::clone(value));
}

/// From yesterday, for clocks that are a little slow, and no longer than clients accept of a leaf.
fn validity(params: &mut CertificateParams) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + 365 * DAY).into();
}

pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// The leaf for the name that a client asks for in its handshake; else for the host that it opened the tunnel to.
struct Leaves {
    authority: Arc<Authority>,
    host: String,
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.authority.leaf(hello.server_name().unwrap_or(&self.host)).ok()
    }
}

impl fmt::Debug for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaves({})", self.host)
    }
}

/// Never the keys.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r91_two_runs_have_two_authorities_and_show_no_key() {
        let (one, other) = (Authority::new().unwrap(), Authority::new().unwrap());
        assert_ne!(one.pem(), other.pem());
        assert!(one.pem().starts_with("-----BEGIN CERTIFICATE-----\n") && !one.pem().contains("KEY"));
        assert_eq!(format!("{one:?}"), "Authority");
    }

    #[test]
    fn a_host_has_one_certificate_and_what_is_no_host_has_none() {
        let authority = Arc::new(Authority::new().unwrap());
        for host in ["api.example.com", "127.0.0.1", "::1"] {
            let leaf = authority.leaf(host).unwrap();
            assert!(Arc::ptr_eq(&leaf, &authority.leaf(host).unwrap()), "{host}");
            assert_eq!(leaf.cert.len(), 2, "the authority comes with it");
        }
        let error = authority.server("b\u{fc}cher.example").unwrap_err();
        assert!(error.to_string().contains("no certificate for"), "{error}");
    }

    #[test]
    fn names_that_a_client_makes_up_do_not_fill_the_memory() {
        let authority = Authority::new().unwrap();
        for number in 0..HOSTS + 10 {
            authority.leaf(&format!("h{number}.example")).unwrap();
        }
        assert!(lock(&authority.leaves).len() <= HOSTS);
    }
}
