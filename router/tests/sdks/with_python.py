"""Sends events with Segment's Python library, unmodified: with_python.py HOST WRITE_KEY FIRST COUNT

Each event has the messageId `py-<number>`. Exits with 1 where the library reports an error.
"""

import sys

from segment.analytics import Client

host, write_key, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
errors = []

client = Client(
    write_key,
    host=host,
    gzip=True,
    max_queue_size=count + 1,
    on_error=lambda error, batch: errors.append(error),
)
for number in range(first, first + count):
    queued, _ = client.track(
        user_id=f"user-{number % 100}",
        event="Order Completed",
        properties={"order_id": f"o-{number}", "total": 12.5, "currency": "EUR", "note": "für ☃"},
        message_id=f"py-{number}",
    )
    if not queued:
        errors.append(f"event {number} was not queued")
client.flush()
client.join()

for error in errors:
    print(error, file=sys.stderr)
sys.exit(1 if errors else 0)
