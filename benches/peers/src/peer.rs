//! What a contender must be able to do, and the one way in which all of them are measured.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::LocalSet;

use crate::{Ask, Error, Job, Line, Task, Workload};

/// One way to replay HTTP.
pub trait Peer: Sized + 'static {
    /// Its recordings are used up by replaying them: every run opens anew, outside the clock.
    const USED_UP: bool = false;
    /// It answers in the order of the recording, whatever is asked: only requests in that order, one after the other.
    const IN_ORDER: bool = false;

    /// Opens a recording to replay it, or to make it (`job.task` says which).
    fn open(job: &Job) -> impl Future<Output = Result<Self, Error>>;

    /// One request, its answer read to the end: status and body.
    fn ask(&self, ask: &Ask) -> impl Future<Output = Result<(u16, Bytes), Error>>;

    /// Saves what was recorded.
    fn close(self) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }
}

/// Does what the command line says; the body of every contender's `main`.
///
/// # Errors
/// Those of the contender, and answers that are not right.
pub fn run<P: Peer>() -> Result<(), Error> {
    let job = Job::parse(&std::env::args().skip(1).collect::<Vec<_>>())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match job.task {
            Task::Record => record::<P>(&job).await,
            Task::Replay => replay::<P>(&job).await,
            Task::First => first::<P>(&job).await,
        }
    })
}

async fn record<P: Peer>(job: &Job) -> Result<(), Error> {
    let peer = P::open(job).await?;
    for ask in job.workload.asks(&job.base, job.stored, job.stored) {
        right(job.workload, &peer, &ask).await?;
    }
    peer.close().await
}

async fn first<P: Peer>(job: &Job) -> Result<(), Error> {
    let peer = P::open(job).await?;
    // The middle one: for those that search from the start, neither the best nor the worst.
    let number = if P::IN_ORDER || job.workload == Workload::Blob { 0 } else { job.stored / 2 };
    right(job.workload, &peer, &job.workload.ask(&job.base, number)).await?;
    println!("{}", Line::First.text());
    // What comes at the end of a scope is not measured.
    std::process::exit(0);
}

async fn replay<P: Peer>(job: &Job) -> Result<(), Error> {
    let sample = if P::IN_ORDER { job.stored } else { job.sample };
    let mut asks = job.workload.asks(&job.base, job.stored, sample);
    if job.workload == Workload::Blob && !P::USED_UP {
        asks = vec![asks[0].clone(); job.sample.min(10)];
    }
    let asks = Rc::new(asks);
    let mut peer = None;
    for _ in 0..job.runs {
        if P::USED_UP {
            peer = None;
        }
        let current = match peer.take() {
            Some(open) => open,
            None => Rc::new(P::open(job).await?),
        };
        let start = Instant::now();
        at_once(job, &current, &asks).await?;
        println!("{}", Line::Run(asks.len(), start.elapsed().as_secs_f64()).text());
        peer = Some(current);
    }
    std::process::exit(0);
}

/// `job.at_once` tasks on one thread, each taking the next request that nobody took.
async fn at_once<P: Peer>(job: &Job, peer: &Rc<P>, asks: &Rc<Vec<Ask>>) -> Result<(), Error> {
    if job.at_once == 1 {
        for ask in asks.iter() {
            right(job.workload, &**peer, ask).await?;
        }
        return Ok(());
    }
    let (next, workload) = (Rc::new(Cell::new(0)), job.workload);
    let tasks: Vec<_> = (0..job.at_once)
        .map(|_| {
            let (peer, asks, next) = (Rc::clone(peer), Rc::clone(asks), Rc::clone(&next));
            tokio::task::spawn_local(async move {
                while let Some(ask) = asks.get(next.replace(next.get() + 1)) {
                    right(workload, &*peer, ask).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn right<P: Peer>(workload: Workload, peer: &P, ask: &Ask) -> Result<(), Error> {
    let (status, body) = peer.ask(ask).await?;
    if workload.fits(ask.number, status, &body) {
        Ok(())
    } else {
        Err(format!("{} {}: status {status}, {} bytes: not the answer", ask.method, ask.url, body.len()).into())
    }
}
