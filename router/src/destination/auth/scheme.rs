//! The section `auth:` read and checked.

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::credentials::Credentials;
use super::hmac::{Algorithm, Encoding, Message, Place, Signer, Stamp};
use crate::destination::mistake::{Mistake, pointer};
use crate::destination::oauth::{Client, Grant, Source, Style};

/// What a file says under `auth:`. `E` is a value that asks for settings.
pub(crate) struct Auth<E> {
    schemes: Vec<Scheme<E>>,
}

impl<E> Default for Auth<E> {
    fn default() -> Self {
        Self { schemes: Vec::new() }
    }
}

enum Scheme<E> {
    Basic { user: E, password: E },
    Bearer(E),
    Header(HeaderName, E),
    Query(String, E),
    Hmac { key: E, signer: Signer },
    OAuth(OAuth<E>),
}

struct OAuth<E> {
    token_url: E,
    client_id: Option<E>,
    client_secret: Option<E>,
    refresh_token: Option<E>,
    access_token: Option<E>,
    scope: Option<E>,
    extra: Vec<(String, E)>,
    grant: Option<Grant>,
    style: Style,
    header: HeaderName,
    prefix: String,
}

type Found<T> = Result<T, Mistake>;

impl<E> Auth<E> {
    /// Reads what stands under `auth:` at the JSON pointer `at`; values are read by `compile`.
    ///
    /// # Errors
    /// Every mistake, each at its place.
    pub(crate) fn compile(
        value: &Value,
        at: &str,
        compile: &mut dyn FnMut(&Value, &str) -> Found<E>,
    ) -> Result<Self, Vec<Mistake>> {
        let Some(fields) = value.as_object() else {
            return Err(vec![Mistake::new(at, "this says how we authenticate in a map: {bearer: $settings.apiKey}")]);
        };
        let (mut schemes, mut mistakes) = (Vec::new(), Vec::new());
        for (name, value) in fields {
            let mut reader = Reader { at: pointer(at, name), compile };
            if let Err(mistake) = reader.scheme(name, value, &mut schemes) {
                mistakes.push(mistake);
            }
        }
        let authorizing = fields.keys().filter(|name| matches!(name.as_str(), "basic" | "bearer" | "oauth")).count();
        if authorizing > 1 {
            mistakes
                .push(Mistake::new(at, "basic, bearer and oauth are all written into one header: leave one of them"));
        }
        if mistakes.is_empty() { Ok(Self { schemes }) } else { Err(mistakes) }
    }

    /// The credentials of an instance: `evaluate` knows its settings, and gives `None` for a value that is absent.
    ///
    /// # Errors
    /// What is wrong with a value, without the value itself.
    pub(crate) fn evaluate(
        &self,
        evaluate: &mut dyn FnMut(&E) -> Result<Option<String>, String>,
    ) -> Result<Credentials, String> {
        let mut credentials = Credentials::default();
        for scheme in &self.schemes {
            match scheme {
                Scheme::Basic { user, password } => match (evaluate(user)?, evaluate(password)?) {
                    (None, None) => {}
                    (user, password) => credentials.basic(user.unwrap_or_default(), password.unwrap_or_default())?,
                },
                Scheme::Bearer(token) => {
                    if let Some(token) = evaluate(token)? {
                        credentials.header(http::header::AUTHORIZATION, "Bearer ", token)?;
                    }
                }
                Scheme::Header(name, value) => {
                    if let Some(value) = evaluate(value)? {
                        credentials.header(name.clone(), "", value)?;
                    }
                }
                Scheme::Query(name, value) => {
                    if let Some(value) = evaluate(value)? {
                        credentials.query(name.clone(), value);
                    }
                }
                Scheme::Hmac { key, signer } => {
                    if let Some(key) = evaluate(key)?.filter(|key| !key.is_empty()) {
                        credentials.sign(signer.clone(), key);
                    }
                }
                Scheme::OAuth(oauth) => oauth.evaluate(evaluate, &mut credentials)?,
            }
        }
        Ok(credentials)
    }
}

impl<E> OAuth<E> {
    fn evaluate(
        &self,
        evaluate: &mut dyn FnMut(&E) -> Result<Option<String>, String>,
        credentials: &mut Credentials,
    ) -> Result<(), String> {
        let mut text = |value: &Option<E>| match value {
            Some(value) => evaluate(value).map(|text| text.filter(|text| !text.is_empty())),
            None => Ok(None),
        };
        let (client_id, client_secret) = (text(&self.client_id)?, text(&self.client_secret)?);
        let (refresh_token, access_token) = (text(&self.refresh_token)?, text(&self.access_token)?);
        let scope = text(&self.scope)?;
        let grant = match (self.grant, &refresh_token, &client_secret) {
            (Some(grant), _, _) => grant,
            (None, Some(_), _) => Grant::RefreshToken,
            (None, None, Some(_)) => Grant::ClientCredentials,
            // A token that somebody else renews.
            (None, None, None) => {
                let token = access_token.ok_or(
                    "oauth needs a refresh_token, or a client_id and a client_secret, or an access_token that is renewed elsewhere",
                )?;
                return credentials.header(self.header.clone(), &self.prefix, token);
            }
        };
        if grant == Grant::RefreshToken && refresh_token.is_none() {
            return Err("oauth needs a refresh_token for the grant refresh_token".to_owned());
        }
        if grant == Grant::ClientCredentials && (client_id.is_none() || client_secret.is_none()) {
            return Err("oauth needs a client_id and a client_secret for the grant client_credentials".to_owned());
        }
        let url = evaluate(&self.token_url)?.unwrap_or_default();
        let token_url = url.parse::<http::Uri>().ok().filter(|uri| uri.host().is_some() && uri.scheme().is_some());
        let token_url = token_url.ok_or("oauth: token_url is no URL")?;
        let mut extra = Vec::new();
        for (name, value) in &self.extra {
            if let Some(value) = evaluate(value)? {
                extra.push((name.clone(), value));
            }
        }
        credentials.oauth(Source::new(
            grant,
            self.style,
            token_url,
            Client { client_id, client_secret, refresh_token, scope, extra },
            (self.header.clone(), self.prefix.clone()),
        ));
        Ok(())
    }
}

struct Reader<'a, E> {
    at: String,
    compile: &'a mut dyn FnMut(&Value, &str) -> Found<E>,
}

impl<E> Reader<'_, E> {
    fn scheme(&mut self, name: &str, value: &Value, schemes: &mut Vec<Scheme<E>>) -> Found<()> {
        match name {
            "basic" => match value.as_array().map(Vec::as_slice) {
                Some([user, password]) => {
                    let user = (self.compile)(user, &format!("{}/0", self.at))?;
                    let password = (self.compile)(password, &format!("{}/1", self.at))?;
                    schemes.push(Scheme::Basic { user, password });
                }
                _ => return Err(self.mistake("basic has a user and a password: [$settings.user, $settings.password]")),
            },
            "bearer" => schemes.push(Scheme::Bearer((self.compile)(value, &self.at)?)),
            "header" => {
                for (name, value) in self.map(value, "header has names and values: {x-api-key: $settings.apiKey}")? {
                    let at = pointer(&self.at, name);
                    schemes.push(Scheme::Header(header(name, &at)?, (self.compile)(value, &at)?));
                }
            }
            "query" => {
                for (name, value) in self.map(value, "query has names and values: {key: $settings.apiKey}")? {
                    schemes.push(Scheme::Query(name.clone(), (self.compile)(value, &pointer(&self.at, name))?));
                }
            }
            "hmac" => schemes.push(self.hmac(value)?),
            "oauth" => schemes.push(Scheme::OAuth(self.oauth(value)?)),
            _ => {
                let known = ["basic", "bearer", "header", "query", "hmac", "oauth"];
                return Err(Mistake::unknown(format!("{}#", self.at), "way to authenticate", name, &known));
            }
        }
        Ok(())
    }

    fn hmac(&mut self, value: &Value) -> Found<Scheme<E>> {
        let fields = self.map(value, "hmac is a map: {key: $settings.secret, header: x-signature}")?;
        let known = ["key", "algorithm", "header", "query", "prefix", "encoding", "over", "timestamp"];
        self.only(fields, &known)?;
        let key = self.value(fields, "key")?.ok_or_else(|| self.mistake("hmac needs a key"))?;
        let into =
            self.place(fields, &self.at)?.ok_or_else(|| self.mistake("hmac needs a header (or query) to stand in"))?;
        let algorithm =
            self.one_of(fields, "algorithm", &[("sha256", Algorithm::Sha256), ("sha1", Algorithm::Sha1)])?;
        let encoding = self.one_of(fields, "encoding", &[("hex", Encoding::Hex), ("base64", Encoding::Base64)])?;
        let over = self.text(fields, "over")?.unwrap_or("body");
        let message = match over {
            "body" => Message::body(),
            template => Message::parse(template).map_err(|error| Mistake::new(pointer(&self.at, "over"), error))?,
        };
        let stamp = match fields.get("timestamp") {
            None => None,
            Some(value) => Some(self.stamp(value)?),
        };
        let prefix = self.text(fields, "prefix")?.unwrap_or_default().to_owned();
        Ok(Scheme::Hmac { key, signer: Signer { algorithm, encoding, into, prefix, message, stamp } })
    }

    fn stamp(&self, value: &Value) -> Found<Stamp> {
        let at = pointer(&self.at, "timestamp");
        let inner = Reader::<E> { at: at.clone(), compile: &mut |_, at| Err(Mistake::new(at, "no value stands here")) };
        let fields = inner.map(value, "timestamp is a map: {header: x-timestamp, as: unix}")?;
        inner.only(fields, &["header", "query", "as"])?;
        let into = inner
            .place(fields, &at)?
            .ok_or_else(|| inner.mistake("a timestamp needs a header (or query) to stand in"))?;
        Ok(Stamp { into, milliseconds: inner.one_of(fields, "as", &[("unix", false), ("unix_ms", true)])? })
    }

    fn oauth(&mut self, value: &Value) -> Found<OAuth<E>> {
        let fields = self.map(value, "oauth is a map: {token_url: https://…, client_id: $settings.clientId, …}")?;
        let known = [
            "token_url",
            "client_id",
            "client_secret",
            "refresh_token",
            "access_token",
            "scope",
            "extra",
            "grant",
            "style",
            "header",
            "prefix",
        ];
        self.only(fields, &known)?;
        let token_url = self.value(fields, "token_url")?.ok_or_else(|| self.mistake("oauth needs a token_url"))?;
        let mut extra = Vec::new();
        if let Some(value) = fields.get("extra") {
            let at = pointer(&self.at, "extra");
            for (name, value) in self.map(value, "extra has names and values: {audience: https://…}")? {
                extra.push((name.clone(), (self.compile)(value, &pointer(&at, name))?));
            }
        }
        let grants = [
            ("", None),
            ("refresh_token", Some(Grant::RefreshToken)),
            ("client_credentials", Some(Grant::ClientCredentials)),
        ];
        let styles = [("form", Style::Form), ("basic", Style::Basic), ("json", Style::Json)];
        let header_name = self.text(fields, "header")?;
        Ok(OAuth {
            token_url,
            client_id: self.value(fields, "client_id")?,
            client_secret: self.value(fields, "client_secret")?,
            refresh_token: self.value(fields, "refresh_token")?,
            access_token: self.value(fields, "access_token")?,
            scope: self.value(fields, "scope")?,
            extra,
            grant: self.one_of(fields, "grant", &grants)?,
            style: self.one_of(fields, "style", &styles)?,
            header: header(header_name.unwrap_or("authorization"), &pointer(&self.at, "header"))?,
            prefix: match (self.text(fields, "prefix")?, header_name) {
                (Some(prefix), _) => prefix.to_owned(),
                (None, Some(_)) => String::new(),
                (None, None) => "Bearer ".to_owned(),
            },
        })
    }

    fn map<'v>(&self, value: &'v Value, otherwise: &str) -> Found<&'v Map<String, Value>> {
        value.as_object().ok_or_else(|| self.mistake(otherwise))
    }

    fn only(&self, fields: &Map<String, Value>, known: &[&str]) -> Found<()> {
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Mistake::unknown(format!("{}#", pointer(&self.at, name)), "part", name, known)),
            None => Ok(()),
        }
    }

    fn value(&mut self, fields: &Map<String, Value>, name: &str) -> Found<Option<E>> {
        fields.get(name).map(|value| (self.compile)(value, &pointer(&self.at, name))).transpose()
    }

    fn text<'v>(&self, fields: &'v Map<String, Value>, name: &str) -> Found<Option<&'v str>> {
        let wrong = || Mistake::new(pointer(&self.at, name), format!("{name} is a text"));
        fields.get(name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    /// The first choice where nothing is written.
    fn one_of<T: Copy>(&self, fields: &Map<String, Value>, name: &str, choices: &[(&str, T)]) -> Found<T> {
        let text = self.text(fields, name)?.unwrap_or(choices[0].0);
        let known: Vec<&str> = choices.iter().map(|(known, _)| *known).filter(|known| !known.is_empty()).collect();
        let choice = choices.iter().find(|(known, _)| *known == text).map(|(_, choice)| *choice);
        choice.ok_or_else(|| Mistake::unknown(pointer(&self.at, name), name, text, &known))
    }

    fn place(&self, fields: &Map<String, Value>, at: &str) -> Found<Option<Place>> {
        match (self.text(fields, "header")?, self.text(fields, "query")?) {
            (Some(name), None) => Ok(Some(Place::Header(header(name, &pointer(at, "header"))?))),
            (None, Some(name)) => Ok(Some(Place::Query(name.to_owned()))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(self.mistake("it stands in a header or in the query, not in both")),
        }
    }

    fn mistake(&self, message: &str) -> Mistake {
        Mistake::new(self.at.clone(), message)
    }
}

fn header(name: &str, at: &str) -> Found<HeaderName> {
    let wrong = |_| Mistake::new(at, format!("{name:?} is no name of a header"));
    name.to_ascii_lowercase().parse().map_err(wrong)
}

/// The value of a header, marked so that nobody prints it.
pub(super) fn sensitive(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        format!("the value for {name} has characters that no header can have: is there a line break at its end?")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
