package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/platform/redact"
)

type redacting struct {
	next   slog.Handler
	level  slog.Level
	hidden bool
}

func (r redacting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= r.level && r.next.Enabled(ctx, level)
}

func (r redacting) Handle(ctx context.Context, record slog.Record) error {
	return r.next.Handle(ctx, r.clean(record)) //nolint:wrapcheck // a handler hands its error on
}

func (r redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	cleaned := make([]slog.Attr, 0, len(attrs))
	for _, attr := range attrs {
		attr, _ = r.attr(attr)
		cleaned = append(cleaned, attr)
	}
	return redacting{next: r.next.WithAttrs(cleaned), level: r.level, hidden: r.hidden}
}

func (r redacting) WithGroup(name string) slog.Handler {
	return redacting{next: r.next.WithGroup(name), level: r.level, hidden: r.hidden || redact.Key(name)}
}

func (r redacting) clean(record slog.Record) slog.Record {
	record.Message = redact.Text(record.Message)
	unclean := false
	record.Attrs(func(attr slog.Attr) bool {
		_, unclean = r.attr(attr)
		return !unclean
	})
	if !unclean {
		return record
	}
	cleaned := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(attr slog.Attr) bool {
		attr, _ = r.attr(attr)
		cleaned.AddAttrs(attr)
		return true
	})
	return cleaned
}

func (r redacting) attr(attr slog.Attr) (slog.Attr, bool) {
	if r.hidden || redact.Key(attr.Key) {
		return slog.String(attr.Key, redact.Mark), true
	}
	value, changed := r.value(attr.Value)
	return slog.Attr{Key: attr.Key, Value: value}, changed
}

func (r redacting) value(value slog.Value) (slog.Value, bool) {
	switch value.Kind() {
	case slog.KindString:
		return text(value, value.String())
	case slog.KindInt64:
		return number(value, uint64(max(0, value.Int64())))
	case slog.KindUint64:
		return number(value, value.Uint64())
	case slog.KindGroup:
		return r.group(value)
	case slog.KindLogValuer:
		resolved, _ := r.value(value.Resolve())
		return resolved, true
	case slog.KindAny:
		return anything(value)
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindTime:
		return value, false
	default:
		return value, false
	}
}

func (r redacting) group(value slog.Value) (slog.Value, bool) {
	members := value.Group()
	cleaned := make([]slog.Attr, 0, len(members))
	changed := false
	for _, member := range members {
		member, unclean := r.attr(member)
		cleaned = append(cleaned, member)
		changed = changed || unclean
	}
	return slog.GroupValue(cleaned...), changed
}

func text(value slog.Value, before string) (slog.Value, bool) {
	after := redact.Text(before)
	if after == before {
		return value, false
	}
	return slog.StringValue(after), true
}

func number(value slog.Value, digits uint64) (slog.Value, bool) {
	if redact.Number(digits) {
		return slog.StringValue(redact.Mark), true
	}
	return value, false
}

func anything(value slog.Value) (cleaned slog.Value, changed bool) {
	defer func() {
		if cause := recover(); cause != nil {
			cleaned, changed = slog.StringValue(redact.Text(fmt.Sprintf("unprintable: %v", cause))), true
		}
	}()
	switch content := value.Any().(type) {
	case nil:
		return value, false
	case error:
		return text(value, content.Error())
	case fmt.Stringer:
		return slog.StringValue(redact.Text(content.String())), true
	default:
		return structured(value, content)
	}
}

func structured(value slog.Value, content any) (slog.Value, bool) {
	written, err := json.Marshal(content)
	if err != nil {
		return slog.StringValue(redact.Text(fmt.Sprintf("%+v", content))), true
	}
	var read any
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber()
	if err := decoder.Decode(&read); err != nil {
		return slog.StringValue(redact.Text(string(written))), true
	}
	cleaned, changed := tree(read)
	if !changed {
		return value, false
	}
	return slog.AnyValue(cleaned), true
}

func tree(node any) (any, bool) {
	changed := false
	switch node := node.(type) {
	case string:
		cleaned := redact.Text(node)
		return cleaned, cleaned != node
	case json.Number:
		if cleaned := redact.Text(node.String()); cleaned != node.String() {
			return cleaned, true
		}
		return node, false
	case []any:
		for i := range node {
			cleaned, unclean := tree(node[i])
			node[i], changed = cleaned, changed || unclean
		}
		return node, changed
	case map[string]any:
		for name := range node {
			cleaned, unclean := member(name, node[name])
			node[name], changed = cleaned, changed || unclean
		}
		return node, changed
	default:
		return node, false
	}
}

func member(name string, node any) (any, bool) {
	if redact.Key(name) {
		return redact.Mark, true
	}
	return tree(node)
}
