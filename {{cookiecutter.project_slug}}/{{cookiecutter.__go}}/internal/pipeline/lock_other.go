//go:build !unix

package pipeline

import (
	"errors"
	"os"
)

func takeLock(string) (*os.File, error) {
	return nil, errors.New("lock output folder: the pipeline needs Linux, macOS or another Unix")
}
