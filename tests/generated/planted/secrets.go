package planted

import (
	"crypto/md5"
	"fmt"
	"math/rand"
)

func Digest(text string) string {
	return fmt.Sprintf("%x %d", md5.Sum([]byte(text)), rand.Int())
}

func Address(host string, port int) string {
	return fmt.Sprintf("http://%s:%d", host, port)
}

const Hidden = "user‮ nimda"
