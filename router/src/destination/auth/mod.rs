//! How a destination says who we are.
//!
//! * [`Auth`] is what a file says under `auth:`, with values that ask for settings;
//! * [`Credentials`] is the same for one instance, every value known; it is put into each request.
//!
//! ```yaml
//! auth: {basic: [$settings.apiSecret, ""]}
//! auth: {bearer: $settings.apiKey}
//! auth: {header: {x-api-key: $settings.apiKey}, query: {account: $settings.account}}
//! auth: {hmac: {key: $settings.sharedSecret, algorithm: sha1, header: x-signature}}
//! auth: {hmac: {key: $settings.secret, header: x-signature, prefix: "v0=", over: "v0:{{timestamp}}:{{body}}", timestamp: {header: x-timestamp}}}
//! auth: {oauth: {token_url: "https://…/token", client_id: $settings.clientId, client_secret: $settings.clientSecret, style: basic}}
//! ```
//!
//! A value that is absent leaves its header, parameter or signature away: whether a setting may be absent is said with the setting.

mod credentials;
mod hmac;
mod scheme;
#[cfg(test)]
mod tests;

pub(crate) use credentials::Credentials;
pub(crate) use scheme::Auth;
