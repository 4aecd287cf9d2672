package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/broker"
	"{{ cookiecutter.__go_module }}/internal/adapters/kafka"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

const (
	commandList   = "list"
	commandReplay = "replay"

	most  = 10_000
	limit = 2 * time.Minute
)

var (
	version  = "dev"
	revision = "unknown"

	errNoBroker = errors.New("BROKER is none, and without a broker there are no dead letters")
)

func main() {
	commands := []string{commandList, commandReplay}
	os.Exit(process.Main(config.DeadLetters, process.Build{Version: version, Revision: revision}, commands, run))
}

func run(ctx context.Context, p *process.Process, command string) int {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := work(ctx, p, command)
	if err == nil {
		err = p.Stop(ctx, false)
	}
	if err != nil {
		p.Logger.ErrorContext(ctx, "Failed to handle dead letters", "command", command, "error", err)
		return process.ExitFailed
	}
	return process.ExitOK
}

func work(ctx context.Context, p *process.Process, command string) error {
	if p.Config.Broker.Kind == config.BrokerNone {
		return errNoBroker
	}
	dead := kafka.NewDeadLetters(broker.Settings(p.Config.Broker))
	letters, err := dead.List(ctx, most)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	if command == commandList {
		return write(os.Stdout, letters)
	}
	positions, err := read(os.Stdin)
	if err != nil {
		return err
	}
	picked, err := kafka.Pick(letters, positions)
	if err != nil {
		return fmt.Errorf("pick dead letters: %w", err)
	}
	sent, err := dead.Replay(ctx, picked)
	p.Logger.InfoContext(ctx, "Dead letters replayed", "count", sent, "of", len(picked))
	if err != nil {
		return fmt.Errorf("replay dead letters: %w", err)
	}
	return nil
}

func write(out io.Writer, letters []kafka.DeadLetter) error {
	encoder := json.NewEncoder(out)
	for _, letter := range letters {
		if err := encoder.Encode(letter); err != nil {
			return fmt.Errorf("write dead letter: %w", err)
		}
	}
	return nil
}

func read(in io.Reader) ([]string, error) {
	var positions []string
	for scanner := bufio.NewScanner(in); ; {
		if !scanner.Scan() {
			if err := scanner.Err(); err != nil {
				return nil, fmt.Errorf("read positions: %w", err)
			}
			return positions, nil
		}
		if position := strings.TrimSpace(scanner.Text()); position != "" {
			positions = append(positions, position)
		}
	}
}
