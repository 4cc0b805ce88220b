//! Time and order: lanes, the scheduler, gates, retries, batches. They live here and nowhere else.
