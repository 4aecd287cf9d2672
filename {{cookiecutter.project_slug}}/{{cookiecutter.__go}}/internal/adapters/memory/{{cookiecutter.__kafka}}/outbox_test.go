package memory_test

import (
	"testing"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
)

func TestStoreKeepsTheContractOfTheRelay(t *testing.T) {
	t.Parallel()
	contract.RunOutbox(t, func(t *testing.T) contract.OutboxSubject {
		t.Helper()
		return contract.OutboxSubject{Store: memory.New(), Reason: "the memory store has no connection that could break"}
	})
}
