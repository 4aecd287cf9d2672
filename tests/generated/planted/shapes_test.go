package planted

import (
	"os"
	"testing"
)

func TestAlone(t *testing.T) {
	if Count() != 10 {
		t.Fatal(os.MkdirTemp("", "x"))
	}
}

func TestHalf(t *testing.T) {
	t.Run("a", func(t *testing.T) {
		t.Parallel()
		check(t)
	})
}

func check(t *testing.T) {
	if Count() != 10 {
		t.Fatal("no")
	}
}
