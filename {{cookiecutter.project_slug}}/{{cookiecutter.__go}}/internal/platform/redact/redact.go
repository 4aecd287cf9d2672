package redact

import (
	"regexp"
	"strings"
)

// Mark stands where something was taken out.
const Mark = "[redacted]"

var (
	userInfo = regexp.MustCompile(`://[^/\s@:"'<>]*(?::[^\s@"'<>]*)?@`)
	scheme   = regexp.MustCompile(`(?i)\b(bearer|basic|dpop) +[^\s,;"']{4,}`)
	webToken = regexp.MustCompile(`(?:eyJ|eyA|ewo)[\w-]{4,}\.[\w-]*(?:\.[\w-]*)+`)
	header   = regexp.MustCompile(`(?i)\b((?:set-)?cookie|authorization)( *: *)[^\r\n]+`)
	named    = regexp.MustCompile(`(?i)((?:password|passwd|passphrase|pwd|secret|token|credential|cookie|authorization|api[_-]?key|access[_-]?key|private[_-]?key|signature)[\w-]*)(=|\\?"\s*:\s*)(?:\\?"[^"]*"?|[^\s"&;,]+)`)
	private  = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	oneWord  = regexp.MustCompile(`^[A-Za-z]+ +[a-z]+$`)
)

// Text gives the text without what must not be kept: passwords of URLs, bearer tokens, JSON Web Tokens, private keys,
// values behind a name such as password=, and card numbers. It gives the very same text when there is none.
func Text(text string) string {
	if isPlain(text) {
		return text
	}
	if strings.Contains(text, "-----BEGIN ") {
		text = private.ReplaceAllLiteralString(text, Mark)
	}
	if strings.Contains(text, "://") {
		text = userInfo.ReplaceAllLiteralString(text, "://"+Mark+"@")
	}
	if strings.Contains(text, "eyJ") || strings.Contains(text, "eyA") || strings.Contains(text, "ewo") {
		text = webToken.ReplaceAllLiteralString(text, Mark)
	}
	if hasScheme(text) {
		text = scheme.ReplaceAllStringFunc(text, credentials)
	}
	if strings.IndexByte(text, ':') >= 0 {
		text = header.ReplaceAllString(text, "$1$2"+Mark)
	}
	if strings.IndexByte(text, '=') >= 0 || strings.Contains(text, `":`) || strings.Contains(text, `" :`) {
		text = named.ReplaceAllString(text, "$1$2"+Mark)
	}
	return cards(text)
}

func isPlain(text string) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == ':' || c == '=':
			return false
		case isDigit(c):
			if digits++; digits == shortestCard {
				return false
			}
		case i+1 < len(text) && opens(c, text[i+1]):
			return false
		}
	}
	return true
}

func opens(first, second byte) bool {
	switch first {
	case '-':
		return second == '-'
	case 'e':
		return second == 'y' || second == 'w'
	case 'b', 'B':
		return second|0x20 == 'e' || second|0x20 == 'a'
	case 'd', 'D':
		return second|0x20 == 'p'
	default:
		return false
	}
}

func hasScheme(text string) bool {
	for i := 0; i+5 < len(text); i++ {
		switch text[i] | 0x20 {
		case 'b':
			if strings.EqualFold(text[i:min(i+7, len(text))], "bearer ") || strings.EqualFold(text[i:i+6], "basic ") {
				return true
			}
		case 'd':
			if strings.EqualFold(text[i:i+5], "dpop ") {
				return true
			}
		}
	}
	return false
}

func credentials(found string) string {
	if oneWord.MatchString(found) {
		return found
	}
	name, _, _ := strings.Cut(found, " ")
	return name + " " + Mark
}
