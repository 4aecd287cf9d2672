package auth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"{{ cookiecutter.__go_module }}/internal/platform/auth"
)

const (
	name     = "https://id.test"
	audience = "orders"
	leeway   = 30 * time.Second
)

type issuer struct {
	server  *httptest.Server
	asked   atomic.Int64
	status  atomic.Int64
	seconds atomic.Int64

	mu   sync.Mutex
	keys jose.JSONWebKeySet
}

func newIssuer(tb testing.TB, keys ...jose.JSONWebKey) *issuer {
	tb.Helper()
	i := &issuer{keys: jose.JSONWebKeySet{Keys: keys}}
	i.status.Store(http.StatusOK)
	i.seconds.Store(time.Now().Unix())
	i.server = httptest.NewServer(i)
	tb.Cleanup(i.server.Close)
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked.Add(1)
	w.WriteHeader(int(i.status.Load()))
	_ = json.NewEncoder(w).Encode(i.keys)
}

func (i *issuer) publish(key jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys.Keys = append(i.keys.Keys, key)
}

func (i *issuer) now() time.Time {
	return time.Unix(i.seconds.Load(), 0)
}

func (i *issuer) pass(d time.Duration) {
	i.seconds.Add(int64(d.Seconds()))
}

func (i *issuer) verifier() *auth.Verifier {
	rules := auth.Rules{Issuer: name, Audience: audience, Leeway: leeway}
	return auth.NewVerifier(auth.NewKeys(i.server.URL, i.server.Client(), i.now), rules, i.now)
}

func (i *issuer) claims(changes map[string]any) map[string]any {
	stated := map[string]any{
		"iss": name, "aud": []string{audience, "other"}, "sub": "user-1", "scope": "orders:read other",
		"exp": i.now().Add(time.Minute).Unix(), "nbf": i.now().Add(-time.Minute).Unix(),
	}
	maps.Copy(stated, changes)
	for claim, value := range stated {
		if value == nil {
			delete(stated, claim)
		}
	}
	return stated
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func public(key crypto.Signer, id, algorithm string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: algorithm, Use: "sig"}
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, id, kind string, stated map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if kind != "" {
		options = options.WithType(jose.ContentType(kind))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(stated).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func forged(t *testing.T, header string, stated map[string]any, seal func(signed string) []byte) string {
	t.Helper()
	body, err := json.Marshal(stated)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode(body)
	return signed + "." + encode(seal(signed))
}

func TestVerifyAcceptsWhatTheIssuerSignedForUsAndNothingElse(t *testing.T) {
	t.Parallel()
	rsaGood, rsaShort, ecGood, ecOther := rsaKey(t, 2048), rsaKey(t, 1024), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	i := newIssuer(t, public(rsaGood, "r", "RS256"), public(ecGood, "e", "ES256"), public(rsaShort, "short", ""),
		jose.JSONWebKey{Key: ecOther.Public(), KeyID: "enc", Use: "enc"})
	verifier := i.verifier()
	es := func(changes map[string]any) string { return sign(t, jose.ES256, ecGood, "e", "JWT", i.claims(changes)) }
	der, err := x509.MarshalPKIXPublicKey(rsaGood.Public())
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	withPublicKey := func(signed string) []byte {
		sum := hmac.New(sha256.New, asPEM)
		sum.Write([]byte(signed))
		return sum.Sum(nil)
	}
	embedding, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: ecOther}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := jwt.Signed(embedding).Claims(i.claims(nil)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	ago := func(d time.Duration) int64 { return i.now().Add(-d).Unix() }
	tests := map[string]struct {
		token string
		valid bool
	}{
		"ES256":                          {es(nil), true},
		"RS256":                          {sign(t, jose.RS256, rsaGood, "r", "at+jwt", i.claims(nil)), true},
		"no type":                        {sign(t, jose.RS256, rsaGood, "r", "", i.claims(nil)), true},
		"expired within the skew":        {es(map[string]any{"exp": ago(20 * time.Second)}), true},
		"expired":                        {es(map[string]any{"exp": ago(40 * time.Second)}), false},
		"valid for ever":                 {es(map[string]any{"exp": nil}), false},
		"not valid yet":                  {es(map[string]any{"nbf": ago(-time.Minute)}), false},
		"issued in the future":           {es(map[string]any{"iat": ago(-time.Minute)}), false},
		"of another issuer":              {es(map[string]any{"iss": "https://evil.test"}), false},
		"of no issuer":                   {es(map[string]any{"iss": nil}), false},
		"for another audience":           {es(map[string]any{"aud": "billing"}), false},
		"for no audience":                {es(map[string]any{"aud": nil}), false},
		"of nobody":                      {es(map[string]any{"sub": nil}), false},
		"HS256 with the public key":      {forged(t, `{"alg":"HS256","kid":"r"}`, i.claims(nil), withPublicKey), false},
		"no algorithm":                   {forged(t, `{"alg":"none","kid":"r"}`, i.claims(nil), func(string) []byte { return nil }), false},
		"RS512":                          {sign(t, jose.RS512, rsaGood, "r", "JWT", i.claims(nil)), false},
		"PS256":                          {sign(t, jose.PS256, rsaGood, "r", "JWT", i.claims(nil)), false},
		"ES256 named as the RSA key":     {sign(t, jose.ES256, ecGood, "r", "JWT", i.claims(nil)), false},
		"another key of that name":       {sign(t, jose.ES256, ecOther, "e", "JWT", i.claims(nil)), false},
		"a key for encryption":           {sign(t, jose.ES256, ecOther, "enc", "JWT", i.claims(nil)), false},
		"a short key":                    {sign(t, jose.RS256, rsaShort, "short", "JWT", i.claims(nil)), false},
		"an unknown key":                 {sign(t, jose.ES256, ecOther, "x", "JWT", i.claims(nil)), false},
		"a key that the token brings":    {embedded, false},
		"an ID token of another purpose": {sign(t, jose.ES256, ecGood, "e", "logout+jwt", i.claims(nil)), false},
		"three words":                    {"a.b.c", false},
		"nothing":                        {"", false},
		"very long":                      {es(map[string]any{"x": strings.Repeat("x", 9000)}), false},
	}
	for label, test := range tests {
		caller, err := verifier.Verify(t.Context(), test.token)

		if test.valid && (err != nil || caller.Subject != "user-1" || !caller.May("orders:read") || caller.May("orders:write")) {
			t.Errorf("%s: got %+v, %v", label, caller, err)
		}
		if !test.valid && !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s: got %+v, %v, want a refusal", label, caller, err)
		}
	}
}

func TestTokensWithUnknownKeysDoNotMakeUsAskTheIssuer(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	i := newIssuer(t, public(key, "e", "ES256"))
	verifier := i.verifier()
	unknown := sign(t, jose.ES256, key, "x", "JWT", i.claims(nil))

	for range 100 {
		_, _ = verifier.Verify(t.Context(), unknown)
	}

	if asked := i.asked.Load(); asked != 1 {
		t.Errorf("asked %d times, want once in 30 seconds", asked)
	}
}

func TestANewKeyIsFoundAndOldOnesOutliveTheIssuer(t *testing.T) {
	t.Parallel()
	first, second := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	i := newIssuer(t, public(first, "1", "ES256"))
	verifier := i.verifier()
	check := func(key *ecdsa.PrivateKey, id string) error {
		_, err := verifier.Verify(t.Context(), sign(t, jose.ES256, key, id, "JWT", i.claims(nil)))
		return err
	}
	if err := check(first, "1"); err != nil {
		t.Fatal(err)
	}

	i.publish(public(second, "2", "ES256"))
	errSoon := check(second, "2")
	i.pass(31 * time.Second)
	errLater := check(second, "2")
	i.status.Store(http.StatusInternalServerError)
	i.pass(time.Hour)
	errAway := errors.Join(check(first, "1"), check(second, "2"))

	if !errors.Is(errSoon, auth.ErrUnauthenticated) || errLater != nil || errAway != nil {
		t.Errorf("soon %v, later %v, while the issuer is away %v", errSoon, errLater, errAway)
	}
}

func TestCallersThatWaitForTheFirstKeysShareOneRequest(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	i := newIssuer(t, public(key, "e", "ES256"))
	verifier := i.verifier()
	token := sign(t, jose.ES256, key, "e", "JWT", i.claims(nil))
	failures := make(chan error, 20)
	var waiting sync.WaitGroup

	for range cap(failures) {
		waiting.Go(func() {
			_, err := verifier.Verify(context.Background(), token)
			failures <- err
		})
	}
	waiting.Wait()
	close(failures)

	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	if asked := i.asked.Load(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestWithoutKeysNobodyIsRefusedForWhatIsNotTheirFault(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	answers := map[string]http.HandlerFunc{
		"down":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"cut off": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9999") },
		"secret keys": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","kid":"e","k":"AAAA"}]}`))
		},
	}
	for label, answer := range answers {
		i := newIssuer(t)
		i.server.Config.Handler = answer

		_, err := i.verifier().Verify(t.Context(), sign(t, jose.ES256, key, "e", "JWT", i.claims(nil)))

		if !errors.Is(err, auth.ErrKeysUnavailable) {
			t.Errorf("%s: got %v", label, err)
		}
	}
}

func TestGuardAnswersByWhatTheTokenGrants(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	i := newIssuer(t, public(key, "e", "ES256"))
	token := func(scope string) string {
		return sign(t, jose.ES256, key, "e", "JWT", i.claims(map[string]any{"scope": scope}))
	}
	away := newIssuer(t)
	tests := map[string]struct {
		verifier  *auth.Verifier
		headers   []string
		status    int
		challenge string
	}{
		"no token":       {i.verifier(), nil, 401, "Bearer"},
		"another scheme": {i.verifier(), []string{"Basic dXNlcjpwYXNz"}, 401, `Bearer error="invalid_token"`},
		"nonsense":       {i.verifier(), []string{"Bearer nonsense"}, 401, `Bearer error="invalid_token"`},
		"two tokens":     {i.verifier(), []string{"Bearer " + token("orders:write"), "Bearer x"}, 401, `Bearer error="invalid_token"`},
		"too little":     {i.verifier(), []string{"Bearer " + token("orders:read")}, 403, `Bearer error="insufficient_scope", scope="orders:write"`},
		"a longer word":  {i.verifier(), []string{"Bearer " + token("orders:write-all")}, 403, `Bearer error="insufficient_scope", scope="orders:write"`},
		"granted":        {i.verifier(), []string{"bearer " + token("x orders:write")}, 204, ""},
		"no keys":        {away.verifier(), []string{"Bearer " + token("orders:write")}, 503, ""},
	}
	for label, test := range tests {
		var log bytes.Buffer
		guard := auth.NewGuard(test.verifier, slog.New(slog.NewJSONHandler(&log, nil)))
		handler := guard.Require("orders:write", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		request := httptest.NewRequest(http.MethodPost, "/v1/orders", http.NoBody)
		for _, header := range test.headers {
			request.Header.Add("Authorization", header)
		}
		answer := httptest.NewRecorder()

		handler.ServeHTTP(answer, request)

		if answer.Code != test.status || answer.Header().Get("WWW-Authenticate") != test.challenge {
			t.Errorf("%s: got %d, %q", label, answer.Code, answer.Header().Get("WWW-Authenticate"))
		}
		if (answer.Code == http.StatusServiceUnavailable) != (answer.Header().Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After is %q", label, answer.Header().Get("Retry-After"))
		}
		if !strings.Contains(log.String(), `"msg":"Write audited"`) || strings.Contains(log.String(), "user-1") || strings.Contains(log.String(), "eyJ") {
			t.Errorf("%s: logged %s", label, log.String())
		}
	}
}

func TestReadsAreNotAudited(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	guard := auth.Open(slog.New(slog.NewJSONHandler(&log, nil)))
	handler := guard.Require("orders:read", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	answer := httptest.NewRecorder()

	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/orders", http.NoBody))

	if answer.Code != http.StatusOK || log.Len() != 0 {
		t.Errorf("got %d, logged %s", answer.Code, log.String())
	}
}

func TestPseudonymIsStableAndTellsNoName(t *testing.T) {
	t.Parallel()

	first, again, other, nobody := auth.Pseudonym("user-1"), auth.Pseudonym("user-1"), auth.Pseudonym("user-2"), auth.Pseudonym("")

	if first != again || first == other || len(first) != 16 || strings.Contains(first, "user") || nobody != "anonymous" {
		t.Errorf("got %s, %s, %s, %s", first, again, other, nobody)
	}
}

func TestTheSpanOfARequestKnowsItsCallerByPseudonym(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	i := newIssuer(t, public(key, "e", "ES256"))
	ended := tracetest.NewSpanRecorder()
	ctx, span := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(ended)).Tracer("test").Start(t.Context(), "request")
	request := httptest.NewRequest(http.MethodGet, "/v1/orders", http.NoBody).WithContext(ctx)
	request.Header.Set("Authorization", "Bearer "+sign(t, jose.ES256, key, "e", "JWT", i.claims(map[string]any{"scope": "orders:read"})))
	handler := auth.NewGuard(i.verifier(), slog.New(slog.DiscardHandler)).Require("orders:read", http.NotFoundHandler())

	handler.ServeHTTP(httptest.NewRecorder(), request)
	span.End()

	want := attribute.String("user.hash", auth.Pseudonym("user-1"))
	if attributes := ended.Ended()[0].Attributes(); len(attributes) != 1 || attributes[0] != want {
		t.Errorf("got %v, want %v", attributes, want)
	}
}

func FuzzAuthorization(f *testing.F) {
	i := newIssuer(f, public(ecKey(f, elliptic.P256()), "e", "ES256"))
	served := false
	handler := auth.NewGuard(i.verifier(), slog.New(slog.DiscardHandler)).Require("orders:read",
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	f.Add("Bearer eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, header string) {
		request := httptest.NewRequest(http.MethodGet, "/v1/orders", http.NoBody)
		request.Header["Authorization"] = []string{header}
		answer := httptest.NewRecorder()

		handler.ServeHTTP(answer, request)

		if served || answer.Code != http.StatusUnauthorized || answer.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q got %d, served: %t", header, answer.Code, served)
		}
	})
}
