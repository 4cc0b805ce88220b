//! The variables that make programs in other languages use the engine and trust it.

use std::ffi::OsString;
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Run, java};
use crate::policy::Redactor;
use crate::proxy::ProxyError;
use crate::session::Mode;

/// Where systems keep the authorities that they trust, as one file.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
];

/// The proxy's URL. What is written small is read first by most, and alone by some.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// A file of authorities that takes the place of those that the client has: OpenSSL (Python's `ssl`, Ruby, httpx), requests, curl, the AWS
/// SDKs and botocore, pip, git, gRPC.
const BUNDLE_FILES: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// A file of authorities that are added to those that the client has: Node, Deno.
const EXTRA_FILES: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

impl Run {
    /// The environment for the program: proxy, authorities, where the engine is told of tests. Added to its own; `direct` are the hosts that
    /// it shall reach without the engine (`db.internal`, `.example.com`). Files that are named in it go with this run.
    ///
    /// # Errors
    /// Where one of the files cannot be written.
    pub fn environment(&self, direct: &[String]) -> Result<Vec<(String, OsString)>, ProxyError> {
        let mut all: Vec<(String, OsString)> = Vec::new();
        let url = self.proxy.url();
        let mut set = |name: &str, value: OsString| all.push((name.to_owned(), value));
        for name in PROXIES {
            set(name, url.into());
        }
        // An inherited list names this machine, most often: services on it are to be recorded as well.
        for name in ["NO_PROXY", "no_proxy"] {
            set(name, direct.join(",").into());
        }
        // fetch and node:http look at the variables above where this is set (Node 22.21, 24).
        set("NODE_USE_ENV_PROXY", "1".into());
        // npm asks its registry for its own newest version now and then; that is no request of the program.
        set("npm_config_update_notifier", "false".into());

        let system = system_bundle();
        let own = self.proxy.ca_pem();
        let bundle = self.proxy.file("bundle.pem", format!("{own}{system}").as_bytes())?;
        for name in BUNDLE_FILES {
            set(name, bundle.clone().into());
        }
        let ca = self.proxy.ca_file()?;
        for (name, kind) in EXTRA_FILES.into_iter().zip(["node.pem", "deno.pem"]) {
            let before = std::env::var_os(name).and_then(|file| std::fs::read_to_string(file).ok());
            let file = match before {
                Some(before) => self.proxy.file(kind, format!("{own}{before}").as_bytes())?,
                None => ca.clone(),
            };
            set(name, file.into());
        }
        set("JAVA_TOOL_OPTIONS", self.java(&system, direct)?);

        set("TAPES_PROXY", url.into());
        set("TAPES_CONTROL", url.into());
        set("TAPES_CA", ca.into());
        set("TAPES_MODE", self.mode().to_string().into());
        for secret in self.secrets.iter().filter(|_| self.mode() == Mode::Replay) {
            // As `tapes.secret(..)` does: replaying needs none.
            if std::env::var_os(secret).is_none_or(|value| value.is_empty()) {
                set(secret, Redactor::placeholder(secret).into());
            }
        }
        Ok(all)
    }

    fn java(&self, system: &str, direct: &[String]) -> Result<OsString, ProxyError> {
        let own = CertificateDer::from_slice(self.proxy.ca_der());
        let others: Vec<_> = CertificateDer::pem_slice_iter(system.as_bytes()).filter_map(Result::ok).collect();
        let store = self.proxy.file("jks", &java::trust_store(std::iter::once(&own).chain(&others)))?;
        let mut options = std::env::var_os("JAVA_TOOL_OPTIONS").filter(|own| !own.is_empty()).unwrap_or_default();
        if !options.is_empty() {
            options.push(" ");
        }
        let (host, port) = (self.proxy.address().ip(), self.proxy.address().port());
        for scheme in ["http", "https"] {
            options.push(format!("-D{scheme}.proxyHost={host} -D{scheme}.proxyPort={port} "));
        }
        // Without the property Java excludes this machine.
        let direct: Vec<_> =
            direct.iter().map(|host| if host.starts_with('.') { format!("*{host}") } else { host.clone() }).collect();
        options.push(format!("-Dhttp.nonProxyHosts={} ", direct.join("|")));
        options.push("-Djavax.net.ssl.trustStore=");
        options.push(quoted(store));
        options
            .push(format!(" -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword={}", java::PASSWORD));
        Ok(options)
    }
}

/// Java splits at blanks that stand in no quotes.
fn quoted(file: PathBuf) -> OsString {
    let file = file.into_os_string();
    if !file.to_string_lossy().contains(' ') {
        return file;
    }
    let mut quoted = OsString::from("\"");
    quoted.push(file);
    quoted.push("\"");
    quoted
}

/// What the program would trust without us: it may have connections that are none of HTTP.
pub(super) fn system_bundle() -> String {
    let told = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = BUNDLES.iter().map(PathBuf::from);
    told.into_iter().chain(known).find_map(|file| std::fs::read_to_string(file).ok()).unwrap_or_default()
}
