//! `router run`: the whole of it, from the configuration to the last event before the end.

use std::time::Duration;

use clap::Args;

use super::logs::{self, Format};
use super::{Failed, Where};
use crate::control::app;
use crate::control::config::{self, Loaded};
use crate::control::running::Running;
use crate::control::watch::Watch;
use crate::control::{Options, Server};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Take events and forward them
///
/// Reads the configuration again when it changes, and on SIGHUP. Stops on SIGTERM and SIGINT; a second one ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router run
  router run -c /etc/router/router.yaml --log-format json
  router run --destinations ./my-destinations --log debug

Exit codes: 0 stopped as asked, 1 mistakes in the configuration or the data folder is in use, 2 could not run.")]
pub(super) struct Run {
    #[command(flatten)]
    place: Where,
    /// How long requests that are being worked on may take once it is asked to stop
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// What is logged: error, warn, info, debug, trace, or a filter like `destination_router::delivery=debug`
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "RUST_LOG")]
    log: String,
    /// How it is logged
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

impl Run {
    pub(super) fn main(self) -> Result<(), Failed> {
        let loaded = config::load(super::existing(&self.place.config)?, &self.place.destinations, &app::variables)
            .map_err(|report| Failed::mistakes(&report))?;
        logs::begin(self.log_format, &self.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failed::could_not(format_args!("the runtime does not start: {error}")))?;
        let done = runtime.block_on(self.run(loaded));
        // Threads that are stuck in a destination's code are not waited for.
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    }

    async fn run(self, loaded: Loaded) -> Result<(), Failed> {
        let mut signals = Signals::new()?;
        let data = loaded.data.clone();
        let watch = Watch::new(loaded.file.clone(), loaded.folders.clone());
        let destinations = self.place.destinations.clone();
        let server = Server::start(loaded, Options { destinations, grace: self.grace, ..Options::default() }).await?;
        self.until_asked_to_stop(&server, watch, &mut signals).await;
        tokio::select! {
            () = server.stop() => tracing::info!("stopped"),
            () = signals.stop() => {
                Running::remove(&data);
                tracing::warn!("ended at once; what was accepted and not delivered is delivered after the next start");
            }
        }
        Ok(())
    }

    async fn until_asked_to_stop(&self, server: &Server, mut watch: Watch, signals: &mut Signals) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                said = signals.next() => match said {
                    Said::Stop => break,
                    Said::Reload => true,
                },
                _ = look.tick() => false,
            };
            let mut looking = watch;
            let looked = tokio::task::spawn_blocking(move || {
                let changed = looking.changed();
                (looking, changed)
            });
            let changed = match looked.await {
                Ok((looked, changed)) => {
                    watch = looked;
                    changed
                }
                // The runtime ends.
                Err(_) => break,
            };
            if asked || changed {
                watch.folders(server.reload().await);
            }
        }
        tracing::info!("stopping: requests that are being worked on have {}", humantime::format_duration(self.grace));
    }
}

/// What the operating system says.
struct Signals {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self, Failed> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error| Failed::could_not(format_args!("signals cannot be heard: {error}"));
        Ok(Self {
            hangup: signal(SignalKind::hangup()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, Failed> {
        Ok(Self {})
    }

    /// What it says next.
    #[cfg(unix)]
    async fn next(&mut self) -> Said {
        tokio::select! {
            _ = self.terminate.recv() => Said::Stop,
            _ = self.interrupt.recv() => Said::Stop,
            _ = self.hangup.recv() => Said::Reload,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Said {
        let _ = tokio::signal::ctrl_c().await;
        Said::Stop
    }

    /// Waits for the next that ends it.
    async fn stop(&mut self) {
        while self.next().await != Said::Stop {}
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Reload,
    Stop,
}
