package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

type requestError struct {
	status int
	detail string
}

func (e *requestError) Error() string {
	return e.detail
}

func badRequest(format string, args ...any) error {
	return &requestError{status: http.StatusBadRequest, detail: fmt.Sprintf(format, args...)}
}

func decode(r *http.Request, target any) error {
	if err := wantJSON(r.Header); err != nil {
		return err
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return decodeError(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return decodeError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return badRequest("body: want one JSON object and nothing after it")
	}
	return exact(content, target)
}

func wantJSON(header http.Header) error {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return &requestError{status: http.StatusUnsupportedMediaType, detail: "Content-Type: want application/json"}
	}
	if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return &requestError{status: http.StatusUnsupportedMediaType, detail: "Content-Type: want UTF-8, the one encoding of JSON"}
	}
	if header.Get("Content-Encoding") != "" {
		return &requestError{status: http.StatusUnsupportedMediaType, detail: "Content-Encoding: want none"}
	}
	return nil
}

func decodeError(err error) error {
	if oversized := tooLarge(err); oversized != nil {
		return oversized
	}
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return badRequest("body: is empty, want a JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("body: the JSON ends too early")
	case errors.As(err, &syntax):
		return badRequest("body: is no JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrongType):
		return badRequest("%s: is a JSON %s, want %s", fieldName(wrongType.Field), wrongType.Value, jsonName(wrongType.Type.Kind()))
	case strings.HasPrefix(err.Error(), "json: "):
		return badRequest("body: %s", strings.TrimPrefix(err.Error(), "json: "))
	default:
		return fmt.Errorf("read body: %w", err)
	}
}

func tooLarge(err error) error {
	var limit *http.MaxBytesError
	if !errors.As(err, &limit) {
		return nil
	}
	return &requestError{
		status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("body: is larger than %d bytes", limit.Limit),
	}
}

func jsonName(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	default:
		return "a whole number"
	}
}

func fieldName(field string) string {
	if field == "" {
		return "body"
	}
	return field
}

func parseQuery(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("query: is malformed")
	}
	return query, nil
}
