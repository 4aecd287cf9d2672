package config

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	AuthOff = "off"
	AuthJWT = "jwt"
)

type Auth struct {
	Mode     string
	Issuer   string
	Audience string
	JWKSURL  string
	Skew     time.Duration
}

func (a *Auth) variables() []variable {
	return []variable{
		{"AUTH_MODE", AuthOff, oneOf(&a.Mode, AuthOff, AuthJWT)},
		{"AUTH_ISSUER", "", text(&a.Issuer)},
		{"AUTH_AUDIENCE", "", text(&a.Audience)},
		{"AUTH_JWKS_URL", "", webAddress(&a.JWKSURL)},
		{"AUTH_CLOCK_SKEW", "30s", duration(&a.Skew, 0, 5*time.Minute)},
	}
}

func (a *Auth) contradictions(environment string) []string {
	if a.Mode == AuthOff {
		if environment == Local {
			return nil
		}
		return []string{"AUTH_MODE: off lets anybody in and is for ENVIRONMENT=local alone, want jwt in " + environment}
	}
	var problems []string
	for _, needed := range []struct{ name, value string }{
		{"AUTH_ISSUER", a.Issuer}, {"AUTH_AUDIENCE", a.Audience}, {"AUTH_JWKS_URL", a.JWKSURL},
	} {
		if needed.value == "" {
			problems = append(problems, needed.name+": is empty, and AUTH_MODE=jwt needs it")
		}
	}
	if parsed, err := url.Parse(a.JWKSURL); a.JWKSURL != "" && environment != Local && (err != nil || parsed.Scheme != "https") {
		problems = append(problems, fmt.Sprintf("AUTH_JWKS_URL: %s is not https, and whoever stands in between could sign tokens", a.JWKSURL))
	}
	return problems
}

func webAddress(target *string) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil
		}
		parsed, err := url.Parse(text)
		if err != nil {
			return errors.New("is no URL, want for example https://id.example.com/.well-known/jwks.json")
		}
		if parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") || parsed.User != nil {
			return fmt.Errorf("%q is no address of the web, want for example https://id.example.com/.well-known/jwks.json", parsed.Redacted())
		}
		*target = text
		return nil
	}
}
