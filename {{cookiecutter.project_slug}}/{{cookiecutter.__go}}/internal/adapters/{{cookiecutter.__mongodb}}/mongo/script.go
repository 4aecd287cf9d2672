package mongo

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
)

const extension = ".json"

type script struct {
	About       string   `bson:"about"`
	OldestBuild int64    `bson:"oldest_build"`
	Up          []bson.D `bson:"up"`
	Down        []bson.D `bson:"down"`
}

func readScript(text []byte) (script, error) {
	var read script
	if err := bson.UnmarshalExtJSON(text, false, &read); err != nil {
		return script{}, fmt.Errorf("read commands: %w", err)
	}
	for _, command := range append(read.Up, read.Down...) {
		if len(command) == 0 {
			return script{}, fmt.Errorf("read commands: %w", errEmptyCommand)
		}
	}
	return read, nil
}

func oldestBuild(text []byte) (int64, error) {
	read, err := readScript(text)
	return read.OldestBuild, err
}

func run(ctx context.Context, database *driver.Database, commands []bson.D) error {
	for number, command := range commands {
		if err := runOne(ctx, database, command); err != nil {
			return fmt.Errorf("command %d, %s: %w", number+1, command[0].Key, err)
		}
	}
	return nil
}

func runOne(ctx context.Context, database *driver.Database, command bson.D) error {
	if changes(command[0].Key) {
		command = append(slices.Clone(command), bson.E{Key: "writeConcern", Value: field("w", "majority")})
	}
	var answer struct {
		WriteErrors []struct {
			Message string `bson:"errmsg"`
		} `bson:"writeErrors"`
	}
	err := database.RunCommand(ctx, command).Decode(&answer)
	if isDone(command[0].Key, err) {
		return nil
	}
	if err != nil {
		return err //nolint:wrapcheck // the caller names the command
	}
	if len(answer.WriteErrors) > 0 {
		return fmt.Errorf("%w: %s", errWriteRefused, answer.WriteErrors[0].Message)
	}
	return nil
}

func changes(command string) bool {
	return slices.Contains([]string{
		"aggregate", "collMod", "create", "createIndexes", "delete", "drop", "dropIndexes", "findAndModify", "insert", "update",
	}, command)
}

func isDone(command string, err error) bool {
	switch command {
	case "create":
		return hasCode(err, namespaceExists)
	case "drop":
		return hasCode(err, namespaceNotFound)
	case "dropIndexes":
		return hasCode(err, namespaceNotFound, indexNotFound)
	default:
		return false
	}
}
