package memo

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Memo keeps what it built for each key and forgets nothing, so keys must be few. Reading takes no lock.
type Memo[K comparable, V any] struct {
	build func(K) V
	known atomic.Pointer[map[K]V]
	mu    sync.Mutex
}

func New[K comparable, V any](build func(K) V) *Memo[K, V] {
	made := &Memo[K, V]{build: build}
	made.known.Store(&map[K]V{})
	return made
}

func (m *Memo[K, V]) Get(key K) V {
	if found, ok := (*m.known.Load())[key]; ok {
		return found
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := *m.known.Load()
	if found, ok := known[key]; ok {
		return found
	}
	grown := maps.Clone(known)
	grown[key] = m.build(key)
	m.known.Store(&grown)
	return grown[key]
}
