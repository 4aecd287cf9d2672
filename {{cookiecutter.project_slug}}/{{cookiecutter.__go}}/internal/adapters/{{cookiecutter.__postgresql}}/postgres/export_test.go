package postgres

import (
	"testing"
	"time"
)

func Show(t *testing.T, settings Settings, parameter string) string {
	t.Helper()
	store, err := Open(t.Context(), settings, nil)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer store.pool.Close()
	var value string
	if err := store.pool.QueryRow(t.Context(), "SELECT current_setting($1)", parameter).Scan(&value); err != nil {
		t.Fatalf("show %s: %v", parameter, err)
	}
	return value
}

func (m *Migrator) WaitForTheLock(limit time.Duration) {
	m.lockWait = limit
}
