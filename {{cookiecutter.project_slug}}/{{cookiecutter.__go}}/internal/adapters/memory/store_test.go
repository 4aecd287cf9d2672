package memory_test

import (
	"testing"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
)

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(t *testing.T) contract.Subject {
		t.Helper()
		return contract.Subject{Store: memory.New(), Reason: "the memory store has no connection that could break"}
	})
}
