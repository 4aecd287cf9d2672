package auth

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	maxTokenBytes = 8 << 10
	leastRSABits  = 2048
)

var (
	ErrUnauthenticated = errors.New("unauthenticated")
	ErrKeysUnavailable = errors.New("signing keys are unavailable")
)

// Rules are what a token must state: who issued it, for whom, and within which clock skew it is valid.
type Rules struct {
	Issuer   string
	Audience string
	Leeway   time.Duration
}

// Caller is who asks, as a verified token says.
type Caller struct {
	Subject string
	Scopes  []string
}

func (c Caller) May(scope string) bool {
	return slices.Contains(c.Scopes, scope)
}

type Verifier struct {
	keys  *Keys
	rules Rules
	now   func() time.Time
}

func NewVerifier(keys *Keys, rules Rules, now func() time.Time) *Verifier {
	return &Verifier{keys: keys, rules: rules, now: now}
}

type claims struct {
	jwt.Claims

	Scope string `json:"scope"`
}

// Verify reads a JWT that RS256 or ES256 signed, with a key that the issuer publishes under the id the token names. It
// fails with ErrUnauthenticated, or with ErrKeysUnavailable when the issuer has not been reached yet.
func (v *Verifier) Verify(ctx context.Context, token string) (Caller, error) {
	if len(token) > maxTokenBytes {
		return Caller{}, fmt.Errorf("%w: the token is longer than %d bytes", ErrUnauthenticated, maxTokenBytes)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	header := parsed.Headers[0]
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); !isAccessToken(kind) {
		return Caller{}, fmt.Errorf("%w: the token is a %q", ErrUnauthenticated, kind)
	}
	key, err := v.keys.find(ctx, header.KeyID)
	if err != nil {
		return Caller{}, err
	}
	if !fits(key, header.Algorithm) {
		return Caller{}, fmt.Errorf("%w: the key is for another algorithm, or short", ErrUnauthenticated)
	}
	var stated claims
	if err := parsed.Claims(key.Key, &stated); err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	return v.caller(stated)
}

func (v *Verifier) caller(stated claims) (Caller, error) {
	if stated.Expiry == nil || stated.Subject == "" {
		return Caller{}, fmt.Errorf("%w: the token lacks exp or sub", ErrUnauthenticated)
	}
	wanted := jwt.Expected{Issuer: v.rules.Issuer, AnyAudience: jwt.Audience{v.rules.Audience}, Time: v.now()}
	if err := stated.ValidateWithLeeway(wanted, v.rules.Leeway); err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	return Caller{Subject: stated.Subject, Scopes: strings.Fields(stated.Scope)}, nil
}

func isAccessToken(kind string) bool {
	return kind == "" || strings.EqualFold(kind, "JWT") || strings.EqualFold(kind, "at+jwt")
}

func fits(key jose.JSONWebKey, algorithm string) bool {
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	public, isRSA := key.Key.(*rsa.PublicKey)
	return isRSA == (algorithm == string(jose.RS256)) && (!isRSA || public.N.BitLen() >= leastRSABits)
}
