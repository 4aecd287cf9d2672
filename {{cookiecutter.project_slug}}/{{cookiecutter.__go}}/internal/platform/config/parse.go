package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

func (s Secret) GoString() string {
	return s.String()
}

func (s Secret) LogValue() slog.Value {
	return slog.StringValue(s.String())
}

func (s Secret) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

func (s Secret) Reveal() string {
	return string(s)
}

func oneOf(target *string, allowed ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(allowed, text) {
			return fmt.Errorf("%q is unknown, want one of %s", text, strings.Join(allowed, ", "))
		}
		*target = text
		return nil
	}
}

func address(target *string) func(string) error {
	return func(text string) error {
		_, port, err := net.SplitHostPort(text)
		if err != nil {
			return fmt.Errorf("%q is no address, want host:port or :port", text)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q has no port from 0 to 65535", text)
		}
		*target = text
		return nil
	}
}

func level(target *slog.Level) func(string) error {
	return func(text string) error {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		found, known := levels[text]
		if !known {
			return fmt.Errorf("%q is unknown, want one of debug, info, warn, error", text)
		}
		*target = found
		return nil
	}
}

func duration(target *time.Duration, least, most time.Duration) func(string) error {
	return func(text string) error {
		value, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration, want for example 500ms, 10s or 24h", text)
		}
		if value < least || value > most {
			return fmt.Errorf("%s is out of range, want %s to %s", value, least, most)
		}
		*target = value
		return nil
	}
}

func integer(target *int64, least, most int64) func(string) error {
	return func(text string) error {
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil || value < least || value > most {
			return fmt.Errorf("%q is out of range, want a number from %d to %d", text, least, most)
		}
		*target = value
		return nil
	}
}

func boolean(target *bool) func(string) error {
	return func(text string) error {
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is unknown, want true or false", text)
		}
		*target = text == "true"
		return nil
	}
}

func networks(target *[]netip.Prefix) func(string) error {
	return func(text string) error {
		for _, word := range list(text) {
			network, err := netip.ParsePrefix(word)
			if err != nil {
				return fmt.Errorf("%q is no network, want for example 10.0.0.0/8", word)
			}
			*target = append(*target, network)
		}
		return nil
	}
}

func origins(target *[]string) func(string) error {
	return func(text string) error {
		for _, word := range list(text) {
			parsed, err := url.Parse(word)
			if err != nil || parsed.Host == "" || parsed.Scheme+"://"+parsed.Host != word {
				return fmt.Errorf("%q is no origin, want for example https://shop.example.com", word)
			}
			*target = append(*target, word)
		}
		return nil
	}
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func text(target *string) func(string) error {
	return func(value string) error {
		if strings.ContainsRune(value, 0) {
			return errors.New("holds a zero byte")
		}
		*target = value
		return nil
	}
}
