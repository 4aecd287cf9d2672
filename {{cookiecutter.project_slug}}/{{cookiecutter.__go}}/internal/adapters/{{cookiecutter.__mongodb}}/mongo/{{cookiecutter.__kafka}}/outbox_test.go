package mongo_test

import (
	"testing"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
)

func TestIntegrationStoreKeepsTheContractOfTheRelay(t *testing.T) {
	t.Parallel()
	contract.RunOutbox(t, func(t *testing.T) contract.OutboxSubject {
		t.Helper()
		settings, direct := migrated(t)
		proxy, proxied := through(t, settings)
		return contract.OutboxSubject{Store: open(t, proxied), Faults: &faults{Proxy: proxy, direct: direct}}
	})
}
