package httpserver

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxClients     = 10_000
	shedRetryAfter = "1"
)

// Rate is how many requests one client may make: so many a second on average, and Burst at once. Zero is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

type limiter struct {
	rate    Rate
	trusted []netip.Prefix

	mu     sync.Mutex
	recent map[netip.Prefix]*rate.Limiter
	older  map[netip.Prefix]*rate.Limiter
}

func newLimiter(allowed Rate, trusted []netip.Prefix) *limiter {
	return &limiter{rate: allowed, trusted: trusted, recent: map[netip.Prefix]*rate.Limiter{}}
}

func (l *limiter) allow(r *http.Request) (time.Duration, bool) {
	if l.rate.PerSecond <= 0 {
		return 0, true
	}
	now := time.Now()
	bucket := l.bucket(client(r, l.trusted))
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing / l.rate.PerSecond * float64(time.Second)), false
}

func (l *limiter) bucket(name netip.Prefix) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.recent[name]; ok {
		return known
	}
	if len(l.recent) >= maxClients/2 {
		l.older, l.recent = l.recent, make(map[netip.Prefix]*rate.Limiter, maxClients/2)
	}
	bucket, ok := l.older[name]
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
	}
	l.recent[name] = bucket
	return bucket
}

// ClientIP is the address of who asks. X-Forwarded-For is read from its end, and only as far as trusted proxies wrote it.
// Clients of IPv6 are told apart by their /64, for that is what one of them owns.
func ClientIP(r *http.Request, trusted []netip.Prefix) string {
	found := client(r, trusted)
	switch {
	case !found.IsValid():
		return r.RemoteAddr
	case found.IsSingleIP():
		return found.Addr().String()
	default:
		return found.String()
	}
}

func client(r *http.Request, trusted []netip.Prefix) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	found := peer.Addr().Unmap()
	if isTrusted(found, trusted) {
		found = forwarded(found, r.Header.Values("X-Forwarded-For"), trusted)
	}
	if found.Is6() {
		return netip.PrefixFrom(found, 64).Masked()
	}
	return netip.PrefixFrom(found, found.BitLen())
}

func forwarded(peer netip.Addr, headers []string, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(peer, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = hop.Unmap()
	}
	return peer
}

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, network := range trusted {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

func refuseRate(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	WriteProblem(w, NewProblem(http.StatusTooManyRequests, "too many requests; try again later"))
}

func refuseLoad(w http.ResponseWriter) {
	w.Header().Set("Retry-After", shedRetryAfter)
	WriteProblem(w, NewProblem(http.StatusServiceUnavailable, "the service has as many requests as it can serve; try again"))
}
