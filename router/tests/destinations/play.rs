//! What delivery does with events, without its patience: plan, send, judge, until every event has a verdict.

use std::collections::VecDeque;

use destination_router::client::{Client, exchange};
use destination_router::destination::{Call, Env, Judged, Planned, Target, Verdict};
use serde_json::Value;

use super::expectation::Outcome;

/// A chain or a split that goes on for longer does so for ever.
const MOST_REQUESTS: usize = 100;

/// The first subscription of a destination, and what it may know of the world.
pub(crate) struct Player<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) env: Env,
    /// In place of the one that the engine would fetch.
    pub(crate) access_token: &'a str,
}

impl Player<'_> {
    /// What becomes of the events when they are sent with this client.
    pub(crate) async fn play(&self, events: &[Value], client: &Client) -> Result<Vec<Outcome>, String> {
        let mut outcomes = vec![Outcome::Ignored; events.len()];
        let wanted: Vec<usize> =
            (0..events.len()).filter(|index| self.target.route(&events[*index]) & 1 == 1).collect();
        let all: Vec<&Value> = events.iter().collect();
        let mut open = VecDeque::new();
        for batch in wanted.chunks(self.target.limits(0).events.max(1)) {
            let some: Vec<&Value> = batch.iter().map(|index| &events[*index]).collect();
            let mut planned = self.target.plan(0, &some, &self.env);
            planned.renumber(batch);
            take(planned, &mut open, &mut outcomes);
        }
        let mut sent = 0;
        while let Some(call) = open.pop_front() {
            sent += 1;
            if sent > MOST_REQUESTS {
                return Err(format!("more than {MOST_REQUESTS} requests"));
            }
            self.step(call, &all, client, &mut open, &mut outcomes).await;
        }
        Ok(outcomes)
    }

    async fn step(
        &self,
        call: Call,
        events: &[&Value],
        client: &Client,
        open: &mut VecDeque<Call>,
        outcomes: &mut [Outcome],
    ) {
        let mut request = call.request.clone();
        if let Some(tokens) = self.target.oauth() {
            tokens.authorize(&mut request, self.access_token);
        }
        let shell = Call {
            subscription: 0,
            events: call.events.clone(),
            request: request.clone(),
            step: call.step,
            memory: None,
        };
        let limits = self.target.limits(0);
        let outcome = exchange(client, request, limits.timeout, limits.answer).await;
        match self.target.judge(call, outcome.as_ref(), &self.env) {
            Judged::All(verdict) => {
                shell.events.iter().for_each(|event| outcomes[*event] = Outcome::Judged(verdict.clone()));
            }
            Judged::Each(verdicts) => {
                shell.events.iter().for_each(|event| outcomes[*event] = Outcome::Judged(Verdict::Delivered));
                verdicts.into_iter().for_each(|(event, verdict)| outcomes[event] = Outcome::Judged(verdict));
            }
            Judged::Next(next) => open.push_front(*next),
            Judged::Split(why) => match self.target.split(&shell, events, &self.env) {
                Some(halves) => halves.into_iter().for_each(|half| take(half, open, outcomes)),
                None => {
                    let verdict = Verdict::Reject(why);
                    shell.events.iter().for_each(|event| outcomes[*event] = Outcome::Judged(verdict.clone()));
                }
            },
        }
    }
}

fn take(planned: Planned, open: &mut VecDeque<Call>, outcomes: &mut [Outcome]) {
    planned.refused.into_iter().for_each(|(event, why)| outcomes[event] = Outcome::Refused(why));
    open.extend(planned.calls);
}
