-- Orders, the events they raise, and the daily sales that the worker derives from those events.
-- The rules of the domain are constraints here too, so that nothing else that writes to this database can break them.
-- How to change this schema: docs/how-to/change-the-schema.md. An applied migration is never edited.

-- +goose Up
-- In plpgsql, which keeps the plan of its query: as SQL functions they cost four times as much an order.
-- +goose StatementBegin
CREATE FUNCTION order_total(items jsonb) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT coalesce(sum((item ->> 'quantity')::bigint * (item ->> 'unit_price_cents')::bigint), 0)
        FROM jsonb_array_elements(items) AS item
    );
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION order_items_hold(items jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT coalesce(bool_and(
            coalesce(item ->> 'sku' ~ '^[A-Za-z0-9._-]{1,64}$', false)
            AND coalesce((item ->> 'quantity')::bigint BETWEEN 1 AND 10000, false)
            AND coalesce((item ->> 'unit_price_cents')::bigint BETWEEN 0 AND 100000000, false)
        ), false) AND count(*) = count(DISTINCT item ->> 'sku')
        FROM jsonb_array_elements(items) AS item
    );
END
$$;
-- +goose StatementEnd

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    customer_id text NOT NULL CONSTRAINT orders_customer_id CHECK (customer_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    status text NOT NULL CONSTRAINT orders_status CHECK (status IN ('placed')),
    items jsonb NOT NULL,
    total_cents bigint NOT NULL CONSTRAINT orders_total CHECK (total_cents = order_total(items)),
    created_at timestamptz NOT NULL,
    CONSTRAINT orders_items CHECK (
        jsonb_typeof(items) = 'array' AND jsonb_array_length(items) BETWEEN 1 AND 100 AND order_items_hold(items)
    )
);

-- The key of a request points at its order, which the same statement writes.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CONSTRAINT idempotency_keys_key CHECK (length(key) BETWEEN 1 AND 128),
    fingerprint bytea NOT NULL CONSTRAINT idempotency_keys_fingerprint CHECK (octet_length(fingerprint) = 32),
    order_id uuid NOT NULL REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED,
    expires_at timestamptz NOT NULL
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- A row lives from the order's statement until the worker has projected it. A parked row could not be read and waits
-- for a person, with the reason beside it.
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    payload jsonb NOT NULL CONSTRAINT outbox_payload CHECK (jsonb_typeof(payload) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    parked_at timestamptz,
    last_error text,
    CONSTRAINT outbox_parked CHECK ((parked_at IS NULL) = (last_error IS NULL))
);

CREATE INDEX outbox_waiting ON outbox (position) WHERE parked_at IS NULL;

CREATE TABLE processed_events (
    event_id uuid PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX processed_events_processed_at ON processed_events (processed_at);

CREATE TABLE daily_summaries (
    day date PRIMARY KEY,
    orders bigint NOT NULL CONSTRAINT daily_summaries_orders CHECK (orders > 0),
    revenue_cents bigint NOT NULL CONSTRAINT daily_summaries_revenue CHECK (revenue_cents >= 0)
);

-- +goose Down
DROP TABLE daily_summaries;
DROP TABLE processed_events;
DROP TABLE outbox;
DROP TABLE idempotency_keys;
DROP TABLE orders;
DROP FUNCTION order_items_hold;
DROP FUNCTION order_total;
