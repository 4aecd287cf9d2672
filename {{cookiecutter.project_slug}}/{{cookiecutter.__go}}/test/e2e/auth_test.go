package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const issuerName = "https://id.test"

type issuer struct {
	server *httptest.Server
	signer jose.Signer
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	published := jose.JSONWebKey{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{published}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(keys)
	}))
	t.Cleanup(server.Close)
	return &issuer{server: server, signer: signer}
}

func (i *issuer) token(t *testing.T, scope string) string {
	t.Helper()
	stated := map[string]any{"iss": issuerName, "aud": "orders", "sub": "user-1", "scope": scope, "exp": time.Now().Add(time.Minute).Unix()}
	token, err := jwt.Signed(i.signer).Claims(stated).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

func TestTheTokenDecidesWhatACallerMay(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	api := launch(t, build(t, "api"), "Api started",
		"AUTH_MODE=jwt", "AUTH_ISSUER="+issuerName, "AUTH_AUDIENCE=orders", "AUTH_JWKS_URL="+issuer.server.URL)
	url := "http://" + api.http + "/v1/orders"

	placed, _, _ := call(t, http.MethodPost, url, order, "Authorization", issuer.token(t, "orders:write"))
	audited := api.await(t, "Write audited")
	refused, header, _ := call(t, http.MethodPost, url, order, "Authorization", issuer.token(t, "orders:read"))
	read, _, _ := call(t, http.MethodGet, url, "", "Authorization", issuer.token(t, "orders:read"))
	anonymous, _, _ := call(t, http.MethodGet, url, "")

	if placed != http.StatusCreated || refused != http.StatusForbidden || read != http.StatusOK || anonymous != http.StatusUnauthorized {
		t.Errorf("placed %d, refused %d, read %d, anonymous %d", placed, refused, read, anonymous)
	}
	if want := `Bearer error="insufficient_scope", scope="orders:write"`; header.Get("WWW-Authenticate") != want {
		t.Errorf("got %q, want %q", header.Get("WWW-Authenticate"), want)
	}
	if audited["caller"] == "user-1" || audited["caller"] == "anonymous" || audited["status"] != float64(http.StatusCreated) || audited["resource"] == "" {
		t.Errorf("audited %v", audited)
	}
	api.terminate(t)
	api.awaitExit(t, 0)
}
