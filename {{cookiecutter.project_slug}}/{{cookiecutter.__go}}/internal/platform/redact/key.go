package redact

import "strings"

// Key tells whether a field of this name is kept out whatever it holds: Set-Cookie, api_key, dbPassword.
func Key(name string) bool {
	var space [64]byte
	plain := space[:0]
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c|0x20)
		case c != '_' && c != '-' && c != '.' && c != ' ':
			plain = append(plain, c)
		}
	}
	for i := range len(plain) - 1 {
		if mayBegin(plain[i], plain[i+1]) && beginsSecret(string(plain[i:])) {
			return true
		}
	}
	return false
}

func mayBegin(first, second byte) bool {
	switch string([]byte{first, second}) {
	case "au", "ap", "ac", "co", "cr", "ca", "cv", "da", "pa", "pr", "se", "to":
		return true
	default:
		return false
	}
}

func beginsSecret(name string) bool {
	switch name[0] {
	case 'a':
		return begins(name, "authorization", "apikey", "accesskey")
	case 'c':
		return begins(name, "cookie", "credential", "cardnumber", "cvv", "cvc")
	case 'd':
		return begins(name, "databaseurl")
	case 'p':
		return begins(name, "password", "passwd", "passphrase", "privatekey")
	case 's':
		return begins(name, "secret", "sessionid")
	case 't':
		return begins(name, "token")
	default:
		return false
	}
}

func begins(name string, words ...string) bool {
	for _, word := range words {
		if strings.HasPrefix(name, word) {
			return true
		}
	}
	return false
}
