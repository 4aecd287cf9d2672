-- Orders, the events they raise, and the daily sales that the worker derives from those events.
-- Expand-contract: a later migration adds; it drops nothing that a running version still reads.

-- +goose Up
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    customer_id text NOT NULL,
    status text NOT NULL,
    items jsonb NOT NULL CHECK (jsonb_typeof(items) = 'array' AND jsonb_array_length(items) BETWEEN 1 AND 100),
    total_cents bigint NOT NULL CHECK (total_cents >= 0),
    created_at timestamptz NOT NULL
);

-- The key of a request points at its order. The order is written in the same transaction, after the key.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    order_id uuid NOT NULL REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED,
    expires_at timestamptz NOT NULL
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- A row lives from the order's transaction until the worker has projected it. A parked row could not be read and waits
-- for a person.
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    parked_at timestamptz,
    last_error text
);

CREATE INDEX outbox_waiting ON outbox (position) WHERE parked_at IS NULL;

CREATE TABLE processed_events (
    event_id uuid PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX processed_events_processed_at ON processed_events (processed_at);

CREATE TABLE daily_summaries (
    day date PRIMARY KEY,
    orders bigint NOT NULL,
    revenue_cents bigint NOT NULL
);

-- +goose Down
DROP TABLE daily_summaries;
DROP TABLE processed_events;
DROP TABLE outbox;
DROP TABLE idempotency_keys;
DROP TABLE orders;
