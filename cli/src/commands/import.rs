//! `tapes import`: other tools' recordings become tapes.

use std::path::PathBuf;

use anyhow::Context as _;
use traffic_recorder::formats::{Format, Import};
use traffic_recorder::tape::Layer;

use crate::Outcome;
use crate::output::progress;

/// Makes tapes of other tools' recordings, and proves that each old answer comes back
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes import spec/cassettes --into tapes/imported\n  \
    tapes import session.har --into tapes/browser --layer logical\n  \
    tapes import mappings --into tapes/stubs --format wiremock --base https://api.example.com\n\n\
    Formats: vcr (and its relatives: vcrpy, pytest-recording, betamax, go-vcr, rvcr, ...), har, nock, talkback, yakbak, wiremock, \
    hoverfly, mitmproxy, azure, smithy, test-server, httpreplay, keploy, node-replay, httpmock. Exit code 1 where a recording was \
    refused or an answer does not come back.\n\
    JSON: a line for each file {file, format, folder, state, reason, exchanges, exact, changed, lost, notes, skipped}, then one \
    {totals, formats}")]
pub(crate) struct Args {
    /// Recordings, or folders of them
    #[arg(required = true, value_name = "PATH")]
    inputs: Vec<PathBuf>,
    /// The folder that the tapes go into; each recording gets a folder of its own below it
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// What wrote them; without it each file's content tells
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// What stands before a URL that is a path alone
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// Where the client that replays will be tapped: `wire`, or `logical`, above redirects and decompression
    #[arg(long, default_value = "wire", value_parser = layer)]
    layer: Layer,
    /// Neither hides nor looks for secrets. Such tapes do not belong into a repository
    #[arg(long)]
    as_is: bool,
    /// A match rule besides those of recorder.yaml
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// A redaction rule besides those of recorder.yaml
    #[arg(long = "redact", value_name = "RULE")]
    redact: Vec<String>,
    /// Lets something pass that looks like a secret, as under `allow` in recorder.yaml
    #[arg(long = "allow", value_name = "LINE")]
    allow: Vec<String>,
    /// The name of a secret; its value is taken from the environment variable of this name
    #[arg(long = "secret", value_name = "NAME")]
    secrets: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn format(name: &str) -> Result<Format, String> {
    let known = || Format::all().map(Format::name).collect::<Vec<_>>().join(", ");
    Format::named(name).ok_or_else(|| format!("known are {}", known()))
}

fn layer(name: &str) -> Result<Layer, String> {
    match name {
        "wire" => Ok(Layer::Wire),
        "logical" => Ok(Layer::Logical),
        _ => Err("it is `wire` or `logical`".to_owned()),
    }
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut import = Import::to(&self.into).layer(self.layer).as_is(self.as_is);
        if let Some(format) = self.format {
            import = import.format(format);
        }
        if let Some(base) = self.base {
            import = import.base(base);
        }
        import = self.rules.into_iter().fold(import, Import::rule);
        import = self.redact.into_iter().fold(import, Import::redact);
        import = self.allow.into_iter().fold(import, Import::allow);
        for name in self.secrets {
            let value = std::env::var(&name).with_context(|| format!("the environment variable {name} is not set"))?;
            import = import.secret(name, value);
        }
        let bar = progress("importing", 0);
        let report = import.run_with(&self.inputs, |done, all, _| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        let text = if self.json { report.to_json_lines() } else { report.to_string() };
        std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes())?;
        Ok((!report.is_clean()).into())
    }
}
