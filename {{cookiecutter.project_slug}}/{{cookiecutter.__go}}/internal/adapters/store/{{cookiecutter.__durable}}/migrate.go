package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
)

type migrator interface {
	Wait(ctx context.Context, logger *slog.Logger) error
	Up(ctx context.Context) error
	Down(ctx context.Context) error
	Status(ctx context.Context) ([]schema.Migration, error)
	Close(ctx context.Context) error
}

func migrate(ctx context.Context, opened migrator, logger *slog.Logger, command string) (found []Migration, err error) {
	defer func() { err = errors.Join(err, opened.Close(ctx)) }()
	switch command {
	case CommandUp:
		if err = opened.Wait(ctx, logger); err == nil {
			err = opened.Up(ctx)
		}
	case CommandDown:
		err = opened.Down(ctx)
	case CommandStatus:
	default:
		err = fmt.Errorf("command %q is unknown", command)
	}
	if err != nil {
		return nil, err
	}
	states, err := opened.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	for _, one := range states {
		found = append(found, Migration(one))
	}
	return found, nil
}
