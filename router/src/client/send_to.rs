//! Sends a request elsewhere than it says: to a stand-in.

use http::header::{self, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Request, Uri};

/// A mark in a request's extensions: it goes to this origin, with the path and the `host` header that it would have had anyway.
///
/// The guard against internal addresses does not look at the new origin, for whoever runs the router chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTo {
    scheme: Scheme,
    authority: Authority,
}

impl SendTo {
    /// The origin of a URL (`http://127.0.0.1:8080`); its path counts for nothing. `None` where it has no scheme or no host.
    #[must_use]
    pub fn origin(url: &Uri) -> Option<Self> {
        Some(Self { scheme: url.scheme()?.clone(), authority: url.authority()?.clone() })
    }
}

/// Follows the mark.
pub(super) fn redirect<B>(request: &mut Request<B>, to: SendTo) -> Result<(), http::Error> {
    if let Some(named) = request.uri().authority()
        && !request.headers().contains_key(header::HOST)
    {
        // Without user and password, if somebody wrote such.
        let host = named.as_str().rsplit_once('@').map_or(named.as_str(), |(_, host)| host);
        let host = HeaderValue::from_str(host)?;
        request.headers_mut().insert(header::HOST, host);
    }
    let mut parts = request.uri().clone().into_parts();
    (parts.scheme, parts.authority) = (Some(to.scheme), Some(to.authority));
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    }
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_and_the_host_stay() {
        let mut request = Request::post("https://api.partner.example:8443/import?strict=1").body(()).unwrap();
        let to = SendTo::origin(&"http://127.0.0.1:9000/ignored".parse().unwrap()).unwrap();
        redirect(&mut request, to).unwrap();
        assert_eq!(request.uri(), "http://127.0.0.1:9000/import?strict=1");
        assert_eq!(request.headers()["host"], "api.partner.example:8443");
    }

    #[test]
    fn what_is_no_origin_is_none() {
        for url in ["/path", "partner.example"] {
            assert_eq!(SendTo::origin(&url.parse().unwrap()), None);
        }
    }
}
