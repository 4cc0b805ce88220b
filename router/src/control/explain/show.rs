//! An explanation for people.

use std::fmt::{self, Display, Formatter};

use super::{Event, Explanation, Plan, Request, State, Step, Way};

/// More lines of a body are not shown.
const LINES: usize = 40;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.events.iter().try_for_each(|event| event.fmt(f))
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = |key: &str| self.event.get(key).and_then(serde_json::Value::as_str);
        let kind = text("type").unwrap_or("event");
        let name = text("event").or_else(|| text("name")).map(|name| format!(" {name:?}")).unwrap_or_default();
        let id = text("messageId").unwrap_or("without messageId");
        writeln!(f, "{kind}{name}  {id}")?;
        write!(f, "  accepted {} from source `{}`, number {}", self.received_at, self.source, self.seq)?;
        if let Some(sent_at) = &self.sent_at {
            write!(f, ", sent by the client's clock {sent_at}")?;
        }
        writeln!(f)?;
        if self.destinations.is_empty() {
            writeln!(f, "  the source has no destinations: nothing is sent")?;
        }
        self.destinations.iter().try_for_each(|way| way.fmt(f))
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\n{} ({}): {}", self.destination, self.slug, self.state.word())?;
        match &self.detail {
            Some(detail) => writeln!(f, " – {detail}")?,
            None => writeln!(f)?,
        }
        if let Some(gate) = &self.gate {
            writeln!(f, "  gate      {gate}")?;
        }
        match (&self.why_not, self.routed) {
            (Some(why), _) => writeln!(f, "  filter    not meant for it: {why}")?,
            (None, false) => writeln!(f, "  filter    not meant for it")?,
            (None, true) => writeln!(f, "  filter    meant for it")?,
        }
        self.plans.iter().try_for_each(|plan| plan.fmt(f))?;
        for step in &self.history {
            writeln!(f, "  history   {step}")?;
        }
        Ok(())
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "  action    {}", self.action)?;
        match &self.refused {
            Some(reason) => writeln!(f, " refuses the event: {reason}")?,
            None => writeln!(f)?,
        }
        self.requests.iter().try_for_each(|request| request.fmt(f))
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  request   {} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            writeln!(f, "            {name}: {value}")?;
        }
        let body = match &self.body {
            serde_json::Value::Null => return Ok(()),
            serde_json::Value::String(text) => text.clone(),
            json => serde_json::to_string_pretty(json).map_err(|_| fmt::Error)?,
        };
        let lines: Vec<&str> = body.lines().collect();
        for line in lines.iter().take(LINES) {
            writeln!(f, "            {line}")?;
        }
        match lines.len().checked_sub(LINES) {
            Some(more) if more > 0 => writeln!(f, "            … {more} more lines; all of it with --json"),
            _ => Ok(()),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.what.word())?;
        if let Some(status) = self.status {
            write!(f, ", answer {status}")?;
        }
        if let Some(elapsed) = self.elapsed_ms {
            write!(f, " in {elapsed} ms")?;
        }
        if let Some(attempts) = self.attempts.filter(|_| self.what != State::Delivered) {
            write!(f, " after {attempts} {}", if attempts == 1 { "try" } else { "tries" })?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(next) = &self.next {
            write!(f, "; next try {next}")?;
        }
        Ok(())
    }
}
