package planted

import (
	"errors"
	"fmt"
	"io"
	"os"
)

var missing = errors.New("missing")

type Trouble struct{}

func (Trouble) Error() string { return "trouble" }

func Forget() {
	os.Remove("x")
}

func Compare(err error) bool {
	return err == io.EOF
}

func Hide() error {
	if err := os.Remove("x"); err != nil {
		return nil
	}
	return missing
}

func Confuse() error {
	first := os.Remove("x")
	if first != nil {
		return fmt.Errorf("remove: %w", first)
	}
	second := os.Remove("y")
	if second != nil {
		return first
	}
	return nil
}

func Bare() error {
	return os.Remove("x")
}

func Assume(value any) string {
	return value.(string)
}

func Replace() {
	io.EOF = nil
}
