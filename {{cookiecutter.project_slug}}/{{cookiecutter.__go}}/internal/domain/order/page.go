package order

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	DefaultLimit = 20
	MaxLimit     = 100

	cursorVersion = "1:"
)

type Page struct {
	Limit int
	After ID
}

func ParsePage(limit, cursor string) (Page, error) {
	page := Page{Limit: DefaultLimit}
	if limit != "" {
		number, err := strconv.Atoi(limit)
		if err != nil || number < 1 || number > MaxLimit {
			return Page{}, fmt.Errorf("%w: %q, want a number from 1 to %d", ErrInvalidLimit, clip(limit), MaxLimit)
		}
		page.Limit = number
	}
	if cursor != "" {
		after, err := parseCursor(cursor)
		if err != nil {
			return Page{}, err
		}
		page.After = after
	}
	return page, nil
}

func Cursor(after ID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + string(after)))
}

func parseCursor(text string) (ID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("%w: not base64url", ErrInvalidCursor)
	}
	id, found := strings.CutPrefix(string(raw), cursorVersion)
	if !found {
		return "", fmt.Errorf("%w: unknown version", ErrInvalidCursor)
	}
	after, err := ParseID(id)
	if err != nil {
		return "", fmt.Errorf("%w: not a position", ErrInvalidCursor)
	}
	return after, nil
}

func clip(text string) string {
	const most = 32
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
