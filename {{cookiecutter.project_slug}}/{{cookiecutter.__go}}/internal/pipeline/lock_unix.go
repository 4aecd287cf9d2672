//go:build unix

package pipeline

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func takeLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fileMode) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("lock output folder: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("lock output folder: %w", errors.Join(err, lock.Close()))
	}
	return lock, nil
}
