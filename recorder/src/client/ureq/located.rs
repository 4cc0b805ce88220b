//! ureq keeps the URL that answered in a type of its own, which only its own loop can put into a response, and `get_uri()` panics
//! where it is missing. So that loop runs once for a replayed answer, over a connection that is none.

use std::sync::OnceLock;

use ureq::config::Config;
use ureq::http::{Extensions, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Error};

/// What ureq notes in a response from this URL; nothing where it takes it for no URL.
pub(super) fn extensions(uri: &Uri) -> Extensions {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    let agent = AGENT.get_or_init(|| {
        let config = Config::builder().proxy(None).max_idle_connections(0).max_redirects(0).build();
        Agent::with_parts(config, Nowhere, Nowhere)
    });
    agent.get(uri).call().map(|response| response.into_parts().0.extensions).unwrap_or_default()
}

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[derive(Debug)]
struct Nowhere;

#[derive(Debug)]
struct Connection {
    buffers: LazyBuffers,
    answered: bool,
    tls: bool,
}

impl Connector for Nowhere {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, Error> {
        let buffers = LazyBuffers::new(256, 8 * 1024);
        Ok(Some(Connection { buffers, answered: false, tls: details.needs_tls() }))
    }
}

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        if std::mem::replace(&mut self.answered, true) {
            return Ok(false);
        }
        self.buffers.input_append_buf()[..ANSWER.len()].copy_from_slice(ANSWER);
        self.buffers.input_appended(ANSWER.len());
        Ok(true)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

#[cfg(test)]
mod tests {
    use ureq::{Body, ResponseExt, http::Response};

    use super::*;

    #[test]
    fn r79_a_response_made_by_hand_knows_its_url() {
        for url in ["http://api.example.com/v1?x=1", "https://api.example.com/", "http://127.0.0.1:1/"] {
            let mut response = Response::new(Body::builder().data(""));
            response.extensions_mut().extend(extensions(&url.parse().expect("a url")));
            assert_eq!(response.get_uri().to_string(), url);
        }
    }
}
