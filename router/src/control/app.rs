//! A running router: what it is made of, and what can be asked of it. The rooms meet here and nowhere else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use jiff::Timestamp;

use super::admin::Refused;
use super::config::{self, Loaded};
use super::dead_letters::{self, DeadLetters, Query};
use super::explain::{Explanation, Gathering, Lane, Place};
use super::intake::Gate;
use super::metrics::Snapshot;
use super::status::Status;
use crate::client;
use crate::clock::Clock;
use crate::delivery::{Engine, Parts, Topology};
use crate::destination::Env;
use crate::ingest::Ingest;
use crate::log::{LaneId, Log, LogError, Retention};

/// How often the log's size is looked at.
const MEASURE: Duration = Duration::from_secs(1);

/// How often the log gives back what is done with.
const EXPIRE: Duration = Duration::from_secs(30);
