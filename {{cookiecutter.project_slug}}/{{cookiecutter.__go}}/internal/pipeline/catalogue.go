package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// MaxCatalogue is how many articles a catalogue may hold: all of them are kept in memory.
const MaxCatalogue = 100_000

const maxCatalogueBytes int64 = MaxCatalogue * (maxTokenLength + 2)

// Catalogue holds the articles that orders may name. The zero Catalogue knows every article.
type Catalogue struct {
	file  *File
	known map[string]struct{}
}

// ReadCatalogue reads one article a line. Empty lines are passed over.
func ReadCatalogue(name string, source io.Reader) (Catalogue, error) {
	content, err := io.ReadAll(io.LimitReader(source, maxCatalogueBytes+1))
	if err != nil {
		return Catalogue{}, fmt.Errorf("read %s: %w", name, err)
	}
	known := map[string]struct{}{}
	number := 0
	for text := range bytes.Lines(content) {
		number++
		sku := trim(text)
		if len(sku) > 0 && !isToken(Text{Value: sku, Given: true}) {
			return Catalogue{}, fmt.Errorf("line %d of %s is no article", number, name)
		}
		if len(sku) > 0 {
			known[string(sku)] = struct{}{}
		}
	}
	if int64(len(content)) > maxCatalogueBytes || len(known) > MaxCatalogue {
		return Catalogue{}, fmt.Errorf("%s holds more than %d articles", name, MaxCatalogue)
	}
	sum := sha256.Sum256(content)
	return Catalogue{
		file:  &File{Name: name, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])},
		known: known,
	}, nil
}

func (c Catalogue) has(sku []byte) bool {
	if c.known == nil {
		return true
	}
	_, found := c.known[string(sku)]
	return found
}
