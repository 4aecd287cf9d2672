package redact_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/redact"
)

const (
	card     = "4111111111111111"
	webToken = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
)

func TestTextTakesSecretsOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"password of a URL":        {"dial postgres://user:hunter2@host/name", "dial postgres://[redacted]@host/name"},
		"password with a slash":    {"amqp://user:hun/ter2@host", "amqp://[redacted]@host"},
		"user alone":               {"https://ghp_0123456789@host/a", "https://[redacted]@host/a"},
		"bearer token":             {"sent Authorization: Bearer hunter2", "sent Authorization: [redacted]"},
		"bearer, any case":         {"got bEARER  hunter2, tried again", "got bEARER [redacted], tried again"},
		"basic credentials":        {"Basic dXNlcjpodW50ZXIy", "Basic [redacted]"},
		"proof of possession":      {"DPoP hunter2hunter2", "DPoP [redacted]"},
		"web token":                {"token " + webToken + " expired", "token [redacted] expired"},
		"unsigned web token":       {"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "[redacted]"},
		"cookie header":            {"Set-Cookie: session=hunter2; Secure", "Set-Cookie: [redacted]"},
		"name and value":           {"host=a password=hunter2 port=1", "host=a password=[redacted] port=1"},
		"quoted value":             {`password="hunter 2" port=1`, `password=[redacted] port=1`},
		"query of a URL":           {"/a?access_token=hunter2&b=1", "/a?access_token=[redacted]&b=1"},
		"JSON":                     {`{"client_secret": "hunter 2","a":1}`, `{"client_secret": [redacted],"a":1}`},
		"JSON in JSON":             {`"{\"api_key\":\"hunter2\"}"`, `"{\"api_key\":[redacted]}"`},
		"private key":              {"a -----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY----- b", "a [redacted] b"},
		"private key, cut":         {"-----BEGIN PRIVATE KEY-----\nhunter2", "[redacted]"},
		"card":                     {"card " + card + " refused", "card [redacted] refused"},
		"card in groups":           {"4111 1111-1111 1111", "[redacted]"},
		"card behind a number":     {"try 1 " + card, "try 1 [redacted]"},
		"card of 15 digits":        {"3782 822463 10005.", "[redacted]."},
		"two cards":                {card + " " + card, "[redacted] [redacted]"},
		"card that fails Luhn":     {"4111111111111112", "4111111111111112"},
		"time in nanoseconds":      {"1795251600000000008", "1795251600000000008"},
		"fraction":                 {"0.4111111111111111 4111111111111111.5", "0.4111111111111111 4111111111111111.5"},
		"part of a word":           {"sha4111111111111111 4111111111111111f", "sha4111111111111111 4111111111111111f"},
		"words that look like one": {"basic authentication is off, bearer of news", "basic authentication is off, bearer of news"},
		"an error about a token":   {"invalid character 'x' looking for beginning of token: eof", "invalid character 'x' looking for beginning of token: eof"},
		"harmless":                 {"GET /v1/orders/{id} 200 a=1 https://a.test:8080/b", "GET /v1/orders/{id} 200 a=1 https://a.test:8080/b"},
		"empty":                    {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := redact.Text(test.text)

			if got != test.want {
				t.Errorf("%q became %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestKeyKnowsSecretNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"password", "DB_PASSWORD", "dbPassword", "Authorization", "proxy-authorization", "Set-Cookie", "access_token", "apiKey", "X-API-Key",
		"client.secret", "database_url", "card_number", "cvv", "private key", "session_id", strings.Repeat("x", 100) + "_token",
	} {
		if !redact.Key(name) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"", "method", "route", "status", "bytes", "duration_ms", "author", "pass", "order_id", "trace_id", "key"} {
		if redact.Key(name) {
			t.Errorf("%s is taken for a secret", name)
		}
	}
}

func TestNumberKnowsCards(t *testing.T) {
	t.Parallel()
	tests := map[uint64]bool{
		4111111111111111: true, 378282246310005: true, 4111111111111112: false, 1795251600000: false, 1795251600000000008: false, 0: false,
		18446744073709551615: false,
	}
	for number, want := range tests {
		if got := redact.Number(number); got != want {
			t.Errorf("%d: got %t", number, got)
		}
	}
}

func TestIdentifiersAreKept(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		high, low := random.Uint64(), random.Uint64()
		id := fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&0xffffffffffff)

		got := redact.Text(id)

		if got != id {
			t.Fatalf("%s became %s", id, got)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("retry 1", "of 3")
	f.Add("a=\"", "\" password=")
	f.Add("4111-", "-1111 cookie: ey")
	f.Add("https://", "@host -----BEGIN RSA PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, before, after string) {
		secrets := map[string]string{
			webToken:         before + " " + webToken + " " + after,
			"s3cr3t-hunter2": before + " Bearer s3cr3t-hunter2 " + after,
			"pa55-hunter2":   before + " password=pa55-hunter2 " + after,
			"us3r-hunter2":   before + " postgres://a:us3r-hunter2@b " + after,
			card:             before + " / " + card + " / " + after,
		}
		for secret, text := range secrets {
			if strings.Contains(before+after, secret) {
				continue
			}

			got := redact.Text(text)

			if strings.Contains(got, secret) {
				t.Errorf("%q kept the secret: %q", text, got)
			}
		}
	})
}

func BenchmarkTextWithoutSecrets(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		redact.Text("GET /v1/orders/{id}")
	}
}
