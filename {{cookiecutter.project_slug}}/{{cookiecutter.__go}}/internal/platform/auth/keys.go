package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysTimeout  = 3 * time.Second
	keysMaxAge   = 10 * time.Minute
	keysPause    = 30 * time.Second
	keysMaxBytes = 1 << 20
)

// Keys are the public keys that an issuer signs with, fetched from its JWKS address when they are first needed, when they
// are ten minutes old, or when a token names an unknown one, and at most every 30 seconds. While the issuer is away, the
// keys that are known stay in use.
type Keys struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	known   map[string]jose.JSONWebKey
	fetched time.Time
	tried   time.Time
	failure error
	loading chan struct{}
}

func NewKeys(url string, client *http.Client, now func() time.Time) *Keys {
	return &Keys{url: url, client: client, now: now}
}

func (k *Keys) find(ctx context.Context, id string) (jose.JSONWebKey, error) {
	key, found, loading := k.look(ctx, id)
	if !found && loading != nil {
		select {
		case <-loading:
		case <-ctx.Done():
			return key, fmt.Errorf("wait for signing keys: %w", ctx.Err())
		}
		key, found, _ = k.look(ctx, id)
	}
	if found {
		return key, nil
	}
	return key, k.absence()
}

func (k *Keys) look(ctx context.Context, id string) (jose.JSONWebKey, bool, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	key, found := k.known[id]
	old := !found || now.Sub(k.fetched) >= keysMaxAge
	if old && k.loading == nil && now.Sub(k.tried) >= keysPause {
		k.tried, k.loading = now, make(chan struct{})
		go k.load(context.WithoutCancel(ctx), now)
	}
	return key, found, k.loading
}

func (k *Keys) absence() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		return fmt.Errorf("%w: %w", ErrKeysUnavailable, k.failure)
	}
	return fmt.Errorf("%w: the key is unknown", ErrUnauthenticated)
}

func (k *Keys) load(ctx context.Context, now time.Time) {
	fresh, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = err
	if err == nil {
		k.known, k.fetched = fresh, now
	}
	close(k.loading)
	k.loading = nil
}

func (k *Keys) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for signing keys: %w", err)
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for signing keys: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for signing keys: status %d", answer.StatusCode)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(answer.Body, keysMaxBytes)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return usable(set)
}

func usable(set jose.JSONWebKeySet) (map[string]jose.JSONWebKey, error) {
	found := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, key := range set.Keys {
		if key.KeyID != "" && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			found[key.KeyID] = key
		}
	}
	if len(found) == 0 {
		return nil, errors.New("read signing keys: none of them is public, for signatures and named")
	}
	return found, nil
}
