package migrations

import "embed"

//go:embed *.json
var Files embed.FS
