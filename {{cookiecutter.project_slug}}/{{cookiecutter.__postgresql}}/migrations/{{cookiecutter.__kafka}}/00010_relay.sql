-- What the relay needs to bring events to the broker: the trace that an event belongs to, and the lease of the one process
-- that publishes. Both are additions; a version that knows nothing of them goes on working.

-- +goose Up
ALTER TABLE outbox ADD COLUMN traceparent text NOT NULL DEFAULT '';

-- One row: whoever holds it publishes. The fence tells a late owner from the one that took over.
CREATE TABLE outbox_lease (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    owner text NOT NULL,
    fence bigint NOT NULL,
    ends_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE outbox_lease;
ALTER TABLE outbox DROP COLUMN traceparent;
