package memo_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/memo"
)

func TestEachKeyIsBuiltOnceHoweverManyAsk(t *testing.T) {
	t.Parallel()
	var built atomic.Int64
	names := memo.New(func(key int) string {
		built.Add(1)
		return strconv.Itoa(key)
	})
	var group sync.WaitGroup

	for range 8 {
		group.Go(func() {
			for key := range 50 {
				if got := names.Get(key); got != strconv.Itoa(key) {
					t.Errorf("got %s for %d", got, key)
				}
			}
		})
	}
	group.Wait()

	if built.Load() != 50 {
		t.Errorf("built %d times, want 50", built.Load())
	}
}
