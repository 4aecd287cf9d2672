package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
)

func from(values map[string]string) config.Lookup {
	return func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	}
}

func problems(t *testing.T, process config.Process, values map[string]string) []string {
	t.Helper()
	_, err := config.Load(process, from(values))
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("got %v, want a config error", err)
	}
	return invalid.Problems
}

func exampleFiles(t *testing.T) map[string]string {
	t.Helper()
	more, err := filepath.Glob("../../../.env.*.example")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, path := range append(more, "../../../.env.example") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, value, _ := strings.Cut(line, "=")
			values[name] = value
		}
	}
	return values
}

func TestExampleFilesNameEveryVariableWithItsDefault(t *testing.T) {
	t.Parallel()
	example := exampleFiles(t)
	read := map[string]bool{}

	defaults, errDefaults := config.Load(config.API, func(name string) (string, bool) {
		read[name] = true
		return "", false
	})
	loaded, errLoaded := config.Load(config.API, from(example))

	if err := errors.Join(errDefaults, errLoaded); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(defaults, loaded) {
		t.Errorf("defaults are %+v, the files say %+v", defaults, loaded)
	}
	for name := range example {
		if !read[name] {
			t.Errorf("%s is in an example file and read by nothing", name)
		}
	}
	for name := range read {
		if _, found := example[name]; !found {
			t.Errorf("%s is read and in no example file", name)
		}
	}
}

func TestAPipelineThatTheServiceKeptFindsItsSettings(t *testing.T) {
	t.Parallel()
	values := map[string]string{"PIPELINE_INPUT": "in", "PIPELINE_OUTPUT": "out"}

	loaded, err := config.Load(config.Pipeline, from(values))

	if err != nil || loaded.PipelineInput != "in" || loaded.PipelineOutput != "out" {
		t.Errorf("got %q and %q, %v", loaded.PipelineInput, loaded.PipelineOutput, err)
	}
}

func TestLoadTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"ENVIRONMENT": "moon", "HTTP_ADDR": "nope", "ADMIN_ADDR": ":99999", "LOG_LEVEL": "loud",
		"SHUTDOWN_TIMEOUT": "soon", "HTTP_MAX_BODY_BYTES": "-1", "PPROF_ENABLED": "yes", "STORE": "tape",
		"HTTP_TRUSTED_PROXIES": "10.0.0.1", "CORS_ALLOWED_ORIGINS": "https://shop.example.com/", "RATE_LIMIT_BURST": "0",
		"AUTH_MODE": "sometimes", "AUTH_JWKS_URL": "ftp://id.test/keys",
		"PIPELINE_MAX_REJECTED_SHARE": "1.5", "PIPELINE_MAX_WARNING_SHARE": "NaN", "PIPELINE_KEEP_RUNS": "0",
	}

	found := problems(t, config.API, values)

	for name, value := range values {
		index := slices.IndexFunc(found, func(problem string) bool { return strings.HasPrefix(problem, name+": ") })
		if index < 0 || !strings.Contains(found[index], strings.TrimPrefix(value, ":")) || !strings.Contains(found[index], "want") && !strings.Contains(found[index], "no port") {
			t.Errorf("%s=%s is not told in %q", name, value, found)
		}
	}
}

func TestLoadRefusesContradictions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		process config.Process
		values  map[string]string
		want    string
	}{
		"drain eats the budget":     {config.API, map[string]string{"DRAIN_DELAY": "25s"}, "DRAIN_DELAY: "},
		"request outlives write":    {config.API, map[string]string{"REQUEST_TIMEOUT": "20s"}, "REQUEST_TIMEOUT: "},
		"header outlives read":      {config.API, map[string]string{"HTTP_READ_TIMEOUT": "1s"}, "HTTP_READ_HEADER_TIMEOUT: "},
		"burst below the rate":      {config.API, map[string]string{"RATE_LIMIT_PER_SECOND": "300"}, "RATE_LIMIT_BURST: "},
		"no limit of a client":      {config.API, map[string]string{"RATE_LIMIT_PER_SECOND": "0"}, ""},
		"two proxies and an origin": {config.API, map[string]string{"HTTP_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8", "CORS_ALLOWED_ORIGINS": "https://a.test http://localhost:3000"}, ""},
		"memory in production":      {config.API, map[string]string{"ENVIRONMENT": "production", "AUTH_MODE": "jwt", "AUTH_ISSUER": "https://id.test", "AUTH_AUDIENCE": "orders", "AUTH_JWKS_URL": "https://id.test/keys"}, "STORE: "},
		"memory in staging, worker": {config.Worker, map[string]string{"ENVIRONMENT": "staging"}, "STORE: "},
		"memory by consent":         {config.API, map[string]string{"ENVIRONMENT": "dev", "ALLOW_MEMORY_STORE": "true", "AUTH_MODE": "jwt", "AUTH_ISSUER": "https://id.test", "AUTH_AUDIENCE": "orders", "AUTH_JWKS_URL": "https://id.test/keys"}, ""},
		"nobody is asked in dev":    {config.API, map[string]string{"ENVIRONMENT": "dev", "ALLOW_MEMORY_STORE": "true"}, "AUTH_MODE: "},
		"a worker asks nobody":      {config.Worker, map[string]string{"ENVIRONMENT": "dev", "ALLOW_MEMORY_STORE": "true"}, ""},
		"tokens without an issuer":  {config.API, map[string]string{"AUTH_MODE": "jwt", "AUTH_AUDIENCE": "orders", "AUTH_JWKS_URL": "https://id.test/keys"}, "AUTH_ISSUER: "},
		"tokens without keys":       {config.API, map[string]string{"AUTH_MODE": "jwt", "AUTH_AUDIENCE": "orders", "AUTH_ISSUER": "https://id.test"}, "AUTH_JWKS_URL: "},
		"keys in the open, local":   {config.API, map[string]string{"AUTH_MODE": "jwt", "AUTH_ISSUER": "x", "AUTH_AUDIENCE": "orders", "AUTH_JWKS_URL": "http://127.0.0.1/keys"}, ""},
		"keys in the open":          {config.API, map[string]string{"ENVIRONMENT": "dev", "ALLOW_MEMORY_STORE": "true", "AUTH_MODE": "jwt", "AUTH_ISSUER": "x", "AUTH_AUDIENCE": "orders", "AUTH_JWKS_URL": "http://id.test/keys"}, "AUTH_JWKS_URL: "},
		"pipeline needs no store":   {config.Pipeline, map[string]string{"ENVIRONMENT": "production"}, ""},
		"empty counts as not set":   {config.API, map[string]string{"HTTP_ADDR": ""}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			found := problems(t, test.process, test.values)

			if test.want == "" && len(found) > 0 || test.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0], test.want)) {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}
