package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
)

func asked(remote string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/things/1", http.NoBody)
	r.RemoteAddr = remote
	for _, value := range forwarded {
		r.Header.Add("X-Forwarded-For", value)
	}
	return r
}

func TestTheClientIsWhoTheTrustedProxiesSay(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"no proxy":                           {"192.0.2.1:4711", nil, "192.0.2.1"},
		"a stranger who forges the header":   {"192.0.2.1:4711", []string{"198.51.100.9"}, "192.0.2.1"},
		"one proxy":                          {"10.1.1.1:4711", []string{"198.51.100.9"}, "198.51.100.9"},
		"a forged hop before a proxy's":      {"10.1.1.1:4711", []string{"203.0.113.5, 198.51.100.9"}, "198.51.100.9"},
		"two proxies, two headers":           {"10.1.1.1:4711", []string{"198.51.100.9", "10.2.2.2"}, "198.51.100.9"},
		"a header that is no address":        {"10.1.1.1:4711", []string{"198.51.100.9, unknown"}, "10.1.1.1"},
		"a proxy that says nothing":          {"10.1.1.1:4711", nil, "10.1.1.1"},
		"IPv6 by its network":                {"[2001:db8:1:2:3::4]:4711", nil, "2001:db8:1:2::/64"},
		"IPv4 in IPv6":                       {"[::ffff:192.0.2.1]:4711", nil, "192.0.2.1"},
		"IPv6 with a zone, behind a proxy":   {"[fd00::1]:4711", []string{"fe80::1%eth0"}, "fe80::/64"},
		"an address that cannot be read":     {"pipe", []string{"198.51.100.9"}, "pipe"},
		"only proxies, as an internal check": {"10.1.1.1:4711", []string{"10.3.3.3"}, "10.3.3.3"},
	}
	for name, test := range tests {
		got := httpserver.ClientIP(asked(test.remote, test.forwarded...), trusted)

		if got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func thing(options httpserver.Options, serve http.HandlerFunc) (http.Handler, *observer) {
	seen := &observer{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", serve)
	options.Observer, options.Logger, options.RequestTimeout, options.MaxBodyBytes = seen, discard(), time.Minute, 1
	return httpserver.Wrap(mux, options), seen
}

func TestAClientThatAsksTooOftenIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	handler, seen := thing(httpserver.Options{Rate: httpserver.Rate{PerSecond: 0.01, Burst: 2}}, func(http.ResponseWriter, *http.Request) {})
	ask := func(remote string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, asked(remote))
		return answer
	}

	codes := []int{ask("192.0.2.1:1").Code, ask("192.0.2.1:2").Code, ask("192.0.2.1:3").Code, ask("192.0.2.2:1").Code}
	refused := ask("192.0.2.1:4")

	if !slices.Equal(codes, []int{200, 200, 429, 200}) {
		t.Errorf("got %v", codes)
	}
	if wait, err := strconv.Atoi(refused.Header().Get("Retry-After")); err != nil || wait < 90 || wait > 100 {
		t.Errorf("Retry-After is %q, want some 100 seconds", refused.Header().Get("Retry-After"))
	}
	if got := refused.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got %s, want a problem", got)
	}
	if !slices.Equal(seen.refused, []string{httpserver.RefusedByRate, httpserver.RefusedByRate}) {
		t.Errorf("observed %v", seen.refused)
	}
}

func TestTheClientsThatAreRememberedAreBounded(t *testing.T) {
	t.Parallel()
	handler, _ := thing(httpserver.Options{Rate: httpserver.Rate{PerSecond: 0.01, Burst: 1}}, func(http.ResponseWriter, *http.Request) {})
	code := func(number int) int {
		answer := httptest.NewRecorder()
		address := netip.AddrFrom4([4]byte{198, 18, byte(number >> 8), byte(number)})
		handler.ServeHTTP(answer, asked(address.String()+":1"))
		return answer.Code
	}
	code(0)

	again := code(0)
	for number := range 10_000 {
		code(number + 1)
	}
	forgotten := code(0)

	if again != 429 || forgotten != 200 {
		t.Errorf("got %d at once and %d after 10,000 others", again, forgotten)
	}
}

func TestMoreRequestsThanCanBeServedAreShedAtOnce(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	handler, seen := thing(httpserver.Options{MaxInFlight: 1}, func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})
	first := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		handler.ServeHTTP(first, asked("192.0.2.1:1"))
	}()
	<-entered
	shed := httptest.NewRecorder()

	handler.ServeHTTP(shed, asked("192.0.2.2:1"))
	close(release)
	<-done

	if shed.Code != http.StatusServiceUnavailable || shed.Header().Get("Retry-After") == "" || first.Code != http.StatusOK {
		t.Errorf("got %d with Retry-After %q, and %d for the first", shed.Code, shed.Header().Get("Retry-After"), first.Code)
	}
	if !slices.Equal(seen.refused, []string{httpserver.RefusedByLoad}) {
		t.Errorf("observed %v", seen.refused)
	}
}

func TestBrowsersOfOtherOriginsAreClosedOut(t *testing.T) {
	t.Parallel()
	const shop = "https://shop.example.com"
	tests := map[string]struct {
		origins []string
		method  string
		origin  string
		status  int
		allowed string
	}{
		"nothing is open by default":     {nil, http.MethodGet, shop, 200, ""},
		"no preflight by default":        {nil, http.MethodOptions, shop, 405, ""},
		"a known origin":                 {[]string{shop}, http.MethodGet, shop, 200, shop},
		"a known origin, asking first":   {[]string{shop}, http.MethodOptions, shop, 204, shop},
		"another origin":                 {[]string{shop}, http.MethodGet, "https://shop.example.com.evil.test", 200, ""},
		"another origin, asking first":   {[]string{shop}, http.MethodOptions, "https://evil.test", 405, ""},
		"the origin that files have":     {[]string{shop}, http.MethodGet, "null", 200, ""},
		"a request that no browser made": {[]string{shop}, http.MethodGet, "", 200, ""},
	}
	for name, test := range tests {
		handler, _ := thing(httpserver.Options{AllowedOrigins: test.origins}, func(http.ResponseWriter, *http.Request) {})
		request := asked("192.0.2.1:1")
		request.Method = test.method
		if test.origin != "" {
			request.Header.Set("Origin", test.origin)
		}
		if test.method == http.MethodOptions {
			request.Header.Set("Access-Control-Request-Method", http.MethodPost)
		}
		answer := httptest.NewRecorder()

		handler.ServeHTTP(answer, request)

		if answer.Code != test.status || answer.Header().Get("Access-Control-Allow-Origin") != test.allowed {
			t.Errorf("%s: got %d for %q", name, answer.Code, answer.Header().Get("Access-Control-Allow-Origin"))
		}
		if answer.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", name)
		}
		if (len(test.origins) > 0) != (answer.Header().Get("Vary") == "Origin") {
			t.Errorf("%s: Vary is %q", name, answer.Header().Get("Vary"))
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	handler, _ := thing(httpserver.Options{Rate: httpserver.Rate{PerSecond: 0.01, Burst: 2}}, func(http.ResponseWriter, *http.Request) { panic("x") })
	for _, target := range []string{"/things/1", "/nothing", "/things/3"} {
		request := asked("192.0.2.1:1")
		request.URL.Path = target
		answer := httptest.NewRecorder()

		handler.ServeHTTP(answer, request)

		for header, want := range map[string]string{
			"Cache-Control":             "no-store",
			"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=31536000",
			"X-Content-Type-Options":    "nosniff",
		} {
			if got := answer.Header().Get(header); got != want {
				t.Errorf("%s, status %d: %s is %q, want %q", target, answer.Code, header, got, want)
			}
		}
	}
}
