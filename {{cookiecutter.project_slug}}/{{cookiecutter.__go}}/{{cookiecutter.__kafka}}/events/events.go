// Package events holds the schemas of what leaves the service.
package events

import _ "embed"

//go:embed order-placed.v1.schema.json
var OrderPlacedV1 string
