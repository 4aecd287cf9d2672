package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

func exact(content []byte, target any) error {
	walk := walker{decoder: json.NewDecoder(bytes.NewReader(content))}
	return walk.value(reflect.TypeOf(target).Elem(), "")
}

type walker struct {
	decoder *json.Decoder
}

func (w walker) value(kind reflect.Type, path string) error {
	token, err := w.decoder.Token()
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	switch token {
	case nil:
		return badRequest("%s: is null", fieldName(path))
	case json.Delim('{'):
		return w.object(kind, path)
	case json.Delim('['):
		return w.array(kind.Elem(), path)
	default:
		return nil
	}
}

func (w walker) object(kind reflect.Type, path string) error {
	wanted := members(kind)
	seen := make(map[string]bool, len(wanted))
	for w.decoder.More() {
		token, err := w.decoder.Token()
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		name := fmt.Sprint(token)
		member, known := wanted[name]
		switch {
		case !known:
			return badRequest("body: unknown field %q", below(path, name))
		case seen[name]:
			return badRequest("%s: is given twice", below(path, name))
		}
		seen[name] = true
		if err := w.value(member, below(path, name)); err != nil {
			return err
		}
	}
	for field := range kind.Fields() {
		if name := field.Tag.Get("json"); !seen[name] {
			return badRequest("%s: is missing", below(path, name))
		}
	}
	return w.end()
}

func (w walker) array(kind reflect.Type, path string) error {
	for i := 0; w.decoder.More(); i++ {
		if err := w.value(kind, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return w.end()
}

func (w walker) end() error {
	if _, err := w.decoder.Token(); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func members(kind reflect.Type) map[string]reflect.Type {
	found := make(map[string]reflect.Type, kind.NumField())
	for field := range kind.Fields() {
		found[field.Tag.Get("json")] = field.Type
	}
	return found
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
