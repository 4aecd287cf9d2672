-- The rules of the domain as constraints, so that nothing else that writes to this database can break them.
-- They say what internal/domain/order says. Where yours says something else, change them here before you apply this.

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

-- Each constraint holds for new rows at once. The rows that are there are checked by the next migration.
ALTER TABLE orders
    ADD CONSTRAINT orders_customer_id CHECK (customer_id ~ '^[A-Za-z0-9._-]{1,64}$') NOT VALID,
    ADD CONSTRAINT orders_status CHECK (status IN ('placed')) NOT VALID,
    ADD CONSTRAINT orders_total CHECK (total_cents = order_total(items)) NOT VALID,
    ADD CONSTRAINT orders_items CHECK (order_items_hold(items)) NOT VALID;

ALTER TABLE idempotency_keys
    ADD CONSTRAINT idempotency_keys_key CHECK (length(key) BETWEEN 1 AND 128) NOT VALID,
    ADD CONSTRAINT idempotency_keys_fingerprint CHECK (octet_length(fingerprint) = 32) NOT VALID;

ALTER TABLE outbox
    ADD CONSTRAINT outbox_payload CHECK (jsonb_typeof(payload) = 'object') NOT VALID,
    ADD CONSTRAINT outbox_parked CHECK ((parked_at IS NULL) = (last_error IS NULL)) NOT VALID;

ALTER TABLE daily_summaries
    ADD CONSTRAINT daily_summaries_orders CHECK (orders > 0) NOT VALID,
    ADD CONSTRAINT daily_summaries_revenue CHECK (revenue_cents >= 0) NOT VALID;

-- +goose Down
ALTER TABLE daily_summaries
    DROP CONSTRAINT daily_summaries_revenue,
    DROP CONSTRAINT daily_summaries_orders;

ALTER TABLE outbox
    DROP CONSTRAINT outbox_parked,
    DROP CONSTRAINT outbox_payload;

ALTER TABLE idempotency_keys
    DROP CONSTRAINT idempotency_keys_fingerprint,
    DROP CONSTRAINT idempotency_keys_key;

ALTER TABLE orders
    DROP CONSTRAINT orders_items,
    DROP CONSTRAINT orders_total,
    DROP CONSTRAINT orders_status,
    DROP CONSTRAINT orders_customer_id;

DROP FUNCTION order_items_hold;
DROP FUNCTION order_total;
