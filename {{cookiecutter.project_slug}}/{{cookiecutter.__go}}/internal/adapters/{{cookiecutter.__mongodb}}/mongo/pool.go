package mongo

import (
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/event"

	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func (s *Store) Connections() telemetry.Pool {
	used := s.pool.used.Load()
	return telemetry.Pool{
		Used: used, Idle: max(s.pool.open.Load()-used, 0), Max: int64(s.settings.MaxConns), Waits: s.pool.waits.Load(),
	}
}

type pool struct {
	most              int64
	open, used, waits atomic.Int64
}

func (p *pool) monitor() *event.PoolMonitor {
	return &event.PoolMonitor{Event: p.observe}
}

func (p *pool) observe(happened *event.PoolEvent) {
	switch happened.Type {
	case event.ConnectionCreated:
		p.open.Add(1)
	case event.ConnectionClosed:
		p.open.Add(-1)
	case event.ConnectionCheckOutStarted:
		if p.used.Load() >= p.most {
			p.waits.Add(1)
		}
	case event.ConnectionCheckedOut:
		p.used.Add(1)
	case event.ConnectionCheckedIn:
		p.used.Add(-1)
	}
}
