package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
)

func reachable() map[string]string {
	return map[string]string{"STORE": "postgresql", "DATABASE_URL": "postgres://h/n"}
}

func TestPostgreSQLNeedsItsURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string
	}{
		"missing":       {map[string]string{"STORE": "postgresql"}, "DATABASE_URL: is empty"},
		"of another":    {map[string]string{"DATABASE_URL": "mysql://u:hunter2@h/n"}, "DATABASE_URL: is no PostgreSQL URL"},
		"conns":         {map[string]string{"DATABASE_MAX_CONNS": "1"}, "DATABASE_MAX_CONNS: "},
		"lock":          {map[string]string{"STORE": "postgresql", "DATABASE_URL": "postgres://h/n", "DATABASE_LOCK_TIMEOUT": "6s"}, "DATABASE_LOCK_TIMEOUT: 6s is more than"},
		"all well":      {map[string]string{"STORE": "postgresql", "DATABASE_URL": "postgres://h/n", "ENVIRONMENT": "production"}, ""},
		"memory beside": {map[string]string{"DATABASE_URL": "postgres://h/n"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			found := strings.Join(problems(t, config.Migrate, test.values), "\n")

			if !strings.HasPrefix(found, test.want) || test.want == "" && found != "" || strings.Contains(found, "hunter2") {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}

func TestSecretsShowNowhere(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(config.API, from(map[string]string{"DATABASE_URL": "postgres://u:hunter2@h/n"}))
	if err != nil {
		t.Fatal(err)
	}

	encoded, err := json.Marshal(loaded.Store.DatabaseURL)

	shown := fmt.Sprintf("%v %+v %#v %s %s", loaded, loaded, loaded, encoded, loaded.Store.DatabaseURL)
	if err != nil || strings.Contains(shown, "hunter2") {
		t.Errorf("the secret shows in %s, %v", shown, err)
	}
	if loaded.Store.DatabaseURL.Reveal() != "postgres://u:hunter2@h/n" {
		t.Error("the secret is lost")
	}
}
