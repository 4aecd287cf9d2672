package mongo

import (
	"context"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
)

// Over gives a store over a client that a test made, without a look at the server.
func Over(client *driver.Client) *Store {
	return &Store{settings: Settings{Timeout: 5 * time.Second}, client: client, database: client.Database("test"), pool: &pool{}}
}

func (s *Store) RequireTransactions(ctx context.Context) error {
	return s.requireTransactions(ctx)
}

func (m *Migrator) WaitForTheLock(limit time.Duration) {
	m.lock.wait = limit
}

func (m *Migrator) LeaseTheLock(limit time.Duration) {
	m.lock.lease = limit
}
