package order

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

const idLength = 36

type ID string

func NewID(at time.Time) ID {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(max(at.UnixMilli(), 0)))
	copy(raw[:6], millis[2:])
	raw[6] = raw[6]&0x0f | 0x70
	raw[8] = raw[8]&0x3f | 0x80
	text := hex.EncodeToString(raw[:])
	return ID(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:])
}

func ParseID(text string) (ID, error) {
	if len(text) != idLength {
		return "", fmt.Errorf("%w: %d characters, want %d", ErrInvalidID, len(text), idLength)
	}
	for i, c := range []byte(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash && c != '-' || !dash && !isLowerHex(c) {
			return "", fmt.Errorf("%w: unexpected %q at position %d", ErrInvalidID, c, i)
		}
	}
	return ID(text), nil
}

func isLowerHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
}
