package httpserver

import (
	"context"
	"sync"
	"time"
)

type deadline struct {
	context.Context

	at time.Time

	mu     sync.Mutex
	over   bool
	armed  context.Context
	cancel context.CancelFunc
}

func withDeadline(parent context.Context, at time.Time) *deadline {
	if earlier, bounded := parent.Deadline(); bounded && earlier.Before(at) {
		at = earlier
	}
	return &deadline{Context: parent, at: at}
}

func (d *deadline) Deadline() (time.Time, bool) {
	return d.at, true
}

func (d *deadline) Done() <-chan struct{} {
	return d.arm().Done()
}

func (d *deadline) Err() error {
	armed, over := d.state()
	switch {
	case armed != nil:
		return armed.Err() //nolint:wrapcheck // a context hands its error on
	case over:
		return context.Canceled
	case d.Context.Err() != nil:
		return d.Context.Err() //nolint:wrapcheck // a context hands its error on
	case !time.Now().Before(d.at):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func (d *deadline) Value(key any) any {
	if armed, _ := d.state(); armed != nil {
		return armed.Value(key)
	}
	return d.Context.Value(key)
}

func (d *deadline) state() (armed context.Context, over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.armed, d.over
}

func (d *deadline) arm() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.armed == nil {
		d.armed, d.cancel = context.WithDeadline(d.Context, d.at)
		if d.over {
			d.cancel()
		}
	}
	return d.armed
}

func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.cancel != nil {
		d.cancel()
	}
}
