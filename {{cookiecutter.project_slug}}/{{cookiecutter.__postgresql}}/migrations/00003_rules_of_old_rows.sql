-- Checks the rows that were written before the rules of 00002. It reads whole tables, yet reads and writes go on.
-- When a row breaks a rule, this stops and names the constraint: mend the row, then run it again.

-- +goose Up
ALTER TABLE orders VALIDATE CONSTRAINT orders_customer_id;
ALTER TABLE orders VALIDATE CONSTRAINT orders_status;
ALTER TABLE orders VALIDATE CONSTRAINT orders_total;
ALTER TABLE orders VALIDATE CONSTRAINT orders_items;
ALTER TABLE idempotency_keys VALIDATE CONSTRAINT idempotency_keys_key;
ALTER TABLE idempotency_keys VALIDATE CONSTRAINT idempotency_keys_fingerprint;
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_payload;
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_parked;
ALTER TABLE daily_summaries VALIDATE CONSTRAINT daily_summaries_orders;
ALTER TABLE daily_summaries VALIDATE CONSTRAINT daily_summaries_revenue;

-- +goose Down
-- Nothing to take back: a rule that was checked is the same rule.
SELECT 1;
