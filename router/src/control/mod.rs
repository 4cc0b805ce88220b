//! What an operator touches: the configuration and its reload, metrics, the admin API.
