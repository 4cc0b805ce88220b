//! `partners`: all partner APIs on one port of this machine.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use partners::StandIn;
use tokio::net::TcpListener;

/// Plays all partner APIs on one port, told apart by the Host header. Where a host cannot be set, the partner's name stands before
/// the path: http://127.0.0.1:9000/mixpanel/import
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// How many events of each partner are kept to be read at /_received; 0 only counts
    #[arg(long, default_value_t = 100_000)]
    keep: usize,
    /// Leave out the partners' rate limits
    #[arg(long)]
    no_rate_limits: bool,
    /// Only count events, as fast as possible: nothing is checked
    #[arg(long)]
    count_only: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut stand_in = StandIn::new().keeping(arguments.keep);
    if arguments.no_rate_limits {
        stand_in = stand_in.unlimited();
    }
    if arguments.count_only {
        stand_in = stand_in.counting();
    }
    let listener = match TcpListener::bind(arguments.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("partners: cannot listen on {}: {error}", arguments.listen);
            return ExitCode::FAILURE;
        }
    };
    let address = listener.local_addr().unwrap_or(arguments.listen);
    println!("partners: on http://{address} for");
    for (name, hosts) in stand_in.partners() {
        println!("  {name:44} {}", hosts.join(" "));
    }
    println!("see http://{address}/_count and http://{address}/_received?partner=NAME; stop with Ctrl-C");
    tokio::select! {
        () = stand_in.clone().serve(listener) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    for (name, _) in stand_in.partners() {
        let count = stand_in.count(name);
        if count.requests > 0 {
            println!("{name}: {} events in {} requests, {} duplicates", count.events, count.requests, count.duplicates);
        }
    }
    ExitCode::SUCCESS
}
