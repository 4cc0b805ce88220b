use super::*;

fn window(state: State) -> Arc<Window> {
    Arc::new(Window { state: Mutex::new(state), returned: Notify::new() })
}

fn empty() -> Arc<Window> {
    let (young, old) = Default::default();
    window(State { young, old, since: at(0), tickets: VecDeque::new(), first: 0, waiting: 0 })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ids(names: &[&str]) -> Vec<Id> {
    names.iter().map(|name| Id::of(name)).collect()
}

fn limits(age: u64, count: usize) -> Limits {
    Limits { duplicates_age: Duration::from_secs(age), duplicates_count: count, ..Limits::default() }
}

/// Stores all that is new and says what was not.
fn known(window: &Arc<Window>, names: &[&str], second: i64, limits: &Limits) -> Vec<usize> {
    let (ticket, known) = window.admit(ids(names), at(second), limits);
    ticket.stored();
    known
}

#[test]
fn an_id_is_known_the_second_time_also_within_a_batch() {
    let (window, limits) = (empty(), limits(60, 1000));
    assert_eq!(known(&window, &["a", "b", "a"], 0, &limits), [2]);
    assert_eq!(known(&window, &["c", "b"], 1, &limits), [1]);
}

#[test]
fn ids_are_forgotten_by_time_and_by_count() {
    let (window, few) = (empty(), limits(60, 2));
    known(&window, &["a"], 0, &few);
    assert_eq!(known(&window, &["a"], 59, &few), [0]);
    assert_eq!(known(&window, &["a"], 61, &few), [0], "in the elder generation");
    assert_eq!(known(&window, &["a"], 122, &few), [0; 0]);
    assert_eq!(known(&window, &["b", "c", "d"], 123, &few), [0; 0], "a and three more fill the generation");
    assert_eq!(known(&window, &["e", "f"], 124, &few), [0; 0]);
    assert_eq!(known(&window, &["g", "a"], 124, &few), [0; 0], "a went with its generation");
    let (window, many) = (empty(), limits(60, 1000));
    known(&window, &["a"], 0, &many);
    assert_eq!(known(&window, &["a"], 120, &many), [0; 0], "nothing came for so long that both are old");
}

#[test]
fn a_clock_that_goes_back_forgets_nothing() {
    let (window, limits) = (empty(), limits(60, 1000));
    known(&window, &["a"], 1000, &limits);
    assert_eq!(known(&window, &["a"], -1_000_000, &limits), [0]);
}

#[test]
fn ids_from_the_log_are_known_by_their_fingerprint() {
    let mut young = Generation::default();
    young.insert(Id { fingerprint: fingerprint("a"), check: UNCHECKED });
    let window = window(State {
        young,
        old: Generation::default(),
        since: at(0),
        tickets: VecDeque::new(),
        first: 0,
        waiting: 0,
    });
    assert_eq!(known(&window, &["a", "b"], 0, &limits(60, 1000)), [0]);
}

#[test]
fn ids_of_what_was_not_stored_are_taken_back() {
    let (window, limits) = (empty(), limits(60, 1000));
    known(&window, &["a"], 0, &limits);
    let (ticket, seen) = window.admit(ids(&["a", "b"]), at(0), &limits);
    assert_eq!(seen, [0]);
    drop(ticket);
    assert_eq!(known(&window, &["a", "b"], 0, &limits), [0], "a was stored before, b never");
}

#[tokio::test]
async fn a_duplicate_waits_for_the_first_to_be_stored() {
    let (window, limits) = (empty(), limits(60, 1000));
    let (first, _) = window.admit(ids(&["a"]), at(0), &limits);
    let (second, seen) = window.admit(ids(&["a"]), at(0), &limits);
    assert_eq!(seen, [0]);
    let number = second.number();
    second.stored();
    let waiting = tokio::spawn({
        let window = window.clone();
        async move { window.settled(number, &ids(&["a"])).await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    first.stored();
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn a_duplicate_learns_that_the_first_was_not_stored() {
    let (window, limits) = (empty(), limits(60, 1000));
    let (first, _) = window.admit(ids(&["a"]), at(0), &limits);
    let (second, _) = window.admit(ids(&["a"]), at(0), &limits);
    let number = second.number();
    second.stored();
    drop(first);
    assert!(!window.settled(number, &ids(&["a"])).await);
}
